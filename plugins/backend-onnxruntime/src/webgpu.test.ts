import { existsSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { convolutionCases, convolutionInputs, convolutionProgram } from '../test/convolution-cases.js';
import { differentiate, errors, relativeError, useEngine, useReference } from '../test/engine-harness.js';
import { poolingCases, poolingInputs, poolingProgram } from '../test/pooling-cases.js';
import { composed, forward, fused, makeBatch, makeWeights, type NetworkShape } from '../test/small-network.js';
import { describeMissing, thisSystem } from './devices/system.js';
import { missingForWebGpu, SWIFTSHADER } from './devices/vulkan.js';
import { counterRandom } from './ops/random.js';
import { softmaxCrossEntropyDice } from './ops/tensor-ops.js';
import { compileStep } from './replay.js';

// Vitest gives this file a process of its own; the Vulkan loader reads the variable when the first session is made.
if (missingForWebGpu(thisSystem()).length > 0 && existsSync(SWIFTSHADER)) process.env.VK_ICD_FILENAMES = SWIFTSHADER;
const missing = missingForWebGpu(thisSystem());
if (missing.length > 0) {
  const { why, fix } = describeMissing(missing);
  console.warn(`The WebGPU tests are skipped, ${why}. ${fix}`);
}

// Every graph of these tests must run on the device alone: deviceOnly makes ONNX Runtime refuse it otherwise.
const device = { device: 'webgpu', deviceOnly: true } as const;

const volume: NetworkShape = { batch: 2, sides: [4, 8, 12], filters: 4, classes: 3, norm: 'instance', slope: 1 };
const image: NetworkShape = { ...volume, sides: [12, 16], norm: 'batch' };
const grouped: NetworkShape = { ...volume, sides: [4, 4, 8], norm: 'group' };

function gradientsOf(shape: NetworkShape, seed: number, ops: typeof fused) {
  const names = Object.keys(makeWeights(shape, seed));
  const { image: x, target } = makeBatch(shape, seed);
  const program = (...tensors: tf.Tensor[]) => {
    const weights = Object.fromEntries(names.map((name, index) => [name, tensors[index]!]));
    return ops.loss(forward(ops, weights, x, shape), target);
  };
  return differentiate(program, () => Object.values(makeWeights(shape, seed)));
}

/** Losses of some steps of gradient descent, and the weights after them. */
function train(shape: NetworkShape, steps: number, ops: typeof fused, compile: typeof passThrough) {
  const weights = makeWeights(shape, 1);
  const variables = Object.fromEntries(Object.entries(weights).map(([name, start]) => [name, tf.variable(start)]));
  const step = compile(({ image: x, target, rate }) => {
    const run = () => ops.loss(forward(ops, variables, x!, shape), target!);
    const { value, grads } = tf.variableGrads(run, Object.values(variables));
    for (const variable of Object.values(variables)) {
      variable.assign(tf.sub(variable, tf.mul(grads[variable.name]!, rate!)));
    }
    return { loss: value };
  });
  const inputs = { ...makeBatch(shape, 1), rate: tf.scalar(0.1) };
  const losses = Array.from({ length: steps }, () => step(inputs).loss!.dataSync()[0]!);
  const result = { losses, weights: Object.values(variables).map((variable) => variable.dataSync()) };
  tf.disposeVariables();
  return result;
}

type Step = (inputs: Record<string, tf.Tensor>) => Record<string, tf.Tensor>;
const passThrough =
  (step: Step): Step =>
  (inputs) =>
    tf.tidy(() => step(inputs));

// A software driver compiles each shader for seconds on a busy machine.
const timeout = 600_000;

describe.skipIf(missing.length > 0)('WebGPU, against the CPU backend of TensorFlow.js', { timeout }, () => {
  it.each([
    { name: '3D, instance normalisation', shape: volume, seeds: [1, 2, 3] },
    { name: '2D, batch normalisation', shape: image, seeds: [1, 2, 3] },
  ])('gradients of a V-Net: $name', async ({ shape, seeds }) => {
    await useReference();
    const expected = seeds.map((seed) => gradientsOf(shape, seed, composed));
    await useEngine(device);
    seeds.forEach((seed, index) => {
      for (const error of errors(gradientsOf(shape, seed, fused), expected[index]!)) expect(error).toBeLessThan(1e-4);
    });
  });

  it('trains by recorded and replayed steps', async () => {
    await useReference();
    const expected = train(grouped, 4, composed, passThrough);
    const engine = await useEngine(device);
    const found = train(grouped, 4, fused, (step) => compileStep(engine, step));
    expect(relativeError(found.losses, expected.losses)).toBeLessThan(1e-5);
    found.weights.forEach((weight, index) => {
      expect(relativeError(weight, expected.weights[index]!)).toBeLessThan(1e-4);
    });
    expect([...engine.fallbacks.keys()]).toEqual([]);
  });

  it('convolves in every geometry', async () => {
    await useReference();
    const expected = convolutionCases.map((c) => differentiate(convolutionProgram(c, false), convolutionInputs(c, 3)));
    await useEngine(device);
    convolutionCases.forEach((c, index) => {
      const found = differentiate(convolutionProgram(c, true), convolutionInputs(c, 3));
      for (const error of errors(found, expected[index]!)) expect(error, c.name).toBeLessThan(1e-5);
    });
  });

  it('pools in every geometry', async () => {
    await useReference();
    const expected = poolingCases.map((c) => differentiate(poolingProgram(c), poolingInputs(c)));
    await useEngine(device);
    poolingCases.forEach((c, index) => {
      const found = differentiate(poolingProgram(c), poolingInputs(c));
      for (const error of errors(found, expected[index]!)) expect(error, c.name).toBeLessThan(1e-5);
    });
  });

  it('finds extremes, their first positions and signs on the device', async () => {
    await useEngine(device);
    const x = tf.tensor2d([
      [1, 3, 3],
      [-2, -5, -2],
    ]);
    const read = (tensor: tf.Tensor) => [...tensor.dataSync()];
    expect(read(tf.argMax(x, 1))).toEqual([1, 0]);
    expect(read(tf.argMin(x, 1))).toEqual([0, 1]);
    expect(read(tf.max(x, 1))).toEqual([3, -2]);
    expect(read(tf.min(x, 0))).toEqual([-2, -5, -2]);
    expect(read(tf.any(tf.greater(x, 2), 1))).toEqual([1, 0]);
    expect(read(tf.all(tf.greater(x, -3), 0))).toEqual([1, 0, 1]);
    expect(read(tf.grad((t) => tf.relu(t))(x))).toEqual([1, 1, 1, 0, 0, 0]);
  });

  it('draws the numbers that the CPU draws', async () => {
    const draw = () => {
      const key = tf.tensor1d([1, 2, 3, 4], 'int32');
      return [...counterRandom(key, [3, 7, 5], { distribution: 'uniform' }).dataSync()];
    };
    await useEngine();
    const expected = draw();
    await useEngine({ device: 'webgpu' });
    expect(draw()).toEqual(expected);
  });

  it('refuses, with deviceOnly, a graph of which a part would run on the CPU', async () => {
    const program = () => tf.round(tf.tensor1d([1.2, 3.7])).dataSync();
    await useEngine(device);
    expect(program).toThrow(/DMX_ENGINE_DEVICE: the device 'webgpu' failed: it lacks a kernel/);
    await useEngine({ device: 'webgpu' });
    expect([...program()]).toEqual([1, 4]);
  });

  it('keeps NaN, on the device alone', async () => {
    await useEngine(device);
    const x = tf.tensor1d([-2, Number.NaN, 0.5, Number.POSITIVE_INFINITY]);
    const near = tf.tensor1d([0.25, Number.NaN, 0.5]);
    const nanAt = (tensor: tf.Tensor) => [...tensor.dataSync()].map(Number.isNaN);
    const pointwise = {
      relu: tf.relu,
      relu6: tf.relu6,
      step: tf.step,
      exp: tf.exp,
      sigmoid: tf.sigmoid,
      tanh: tf.tanh,
    };
    for (const [name, f] of Object.entries(pointwise)) {
      expect(nanAt(f(x)), name).toEqual([false, true, false, false]);
    }
    expect(nanAt(tf.clipByValue(x, -1, 1))).toEqual([false, true, false, false]);
    expect(nanAt(tf.log(x))).toEqual([true, true, false, false]);
    expect(nanAt(tf.log1p(x))).toEqual([true, true, false, false]);
    expect(nanAt(tf.softmax(near))).toEqual([true, true, true]);
    expect(nanAt(tf.logSoftmax(near))).toEqual([true, true, true]);
    expect(nanAt(tf.max(near))).toEqual([true]);
    expect(nanAt(tf.min(x))).toEqual([true]);
    expect(nanAt(tf.pow(x, 0.5))).toEqual([true, true, false, false]);
    expect([...tf.argMax(near).dataSync()]).toEqual([2]);
    expect([...tf.isNaN(x).dataSync()]).toEqual([0, 1, 0, 0]);
    expect([...tf.relu(x).dataSync()]).toEqual([0, Number.NaN, 0.5, Number.POSITIVE_INFINITY]);
    const logits = tf.tensor(near.dataSync(), [1, 1, 1, 1, 3]);
    const labels = tf.zeros([1, 1, 1, 1], 'int32');
    const weights = { classWeights: tf.ones([3]), crossEntropy: 1, dice: 1 };
    expect(nanAt(softmaxCrossEntropyDice(logits, labels, weights))).toEqual([true]);
  });
});
