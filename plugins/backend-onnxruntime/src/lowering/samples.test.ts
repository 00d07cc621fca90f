import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { differentiate, labels, relativeError, useEngine, useReference, values } from '../../test/engine-harness.js';
import { type NetworkOps, plainOps, vnetLoss, vnetShapes } from '../../test/small-vnet.js';
import { conv3d, conv3dTranspose, normActivation, softmaxCrossEntropyDice } from '../ops/tensor-ops.js';

const shapes = vnetShapes(16, 5);
const SIDES = [4, 8, 8];

/** An engine that works on volumes of more bytes some samples at a time. */
async function engineInParts(partBytes: number) {
  const backend = await useEngine();
  const { settings } = backend;
  Object.assign(settings, { target: { ...settings.target, partBytes } });
  return backend;
}

function opsWith(norm: 'batch' | 'instance' | 'group'): NetworkOps {
  return {
    conv: (x, filter, bias, stride) =>
      conv3d(x, filter, { bias, strides: [stride, stride, stride], padding: stride === 1 ? 'same' : 'valid' }),
    up: (x, filter, bias) => conv3dTranspose(x, filter, { bias, strides: [2, 2, 2] }),
    norm: (x, scale, offset, slope) =>
      normActivation(x, { norm, ...(norm === 'group' ? { groups: 4 } : {}), scale, offset, slope, training: true }),
    loss: (logits, target) => softmaxCrossEntropyDice(logits, target, { crossEntropy: 1, dice: 1 }),
  };
}

/** Random weights of a sensible size, so that no layer saturates. */
function weights(): tf.Tensor[] {
  return shapes.map(([name, shape], index) => {
    const fanIn = name.endsWith('filter') ? shape.slice(0, -1).reduce((a, b) => a * b, 1) : 1;
    const drawn = values(shape, index, name.endsWith('filter') ? 2 * Math.sqrt(3 / fanIn) : 0.5);
    return name.endsWith('scale') ? tf.add(drawn, 1) : drawn;
  });
}

/** Loss and gradients of a V-Net over four samples; a slope of 1 has no kink that rounding could cross. */
function trainingStep(ops: NetworkOps) {
  const loss = (...tensors: tf.Tensor[]) =>
    vnetLoss(ops, values([4, ...SIDES, 1], 51, 3.4), labels([4, ...SIDES], 61, 5), tensors, 1);
  return differentiate(loss as never, weights);
}

/** Bytes of the full resolution and of the level below: four, two and one part of the samples. */
const FULL = 4 * 4 * 16 * 4 * 8 * 8;

describe('volumes in parts of their samples', () => {
  it.each([0, FULL / 4, FULL / 2])('give the gradients of plain TensorFlow.js: %i bytes a part', async (partBytes) => {
    await useReference();
    const expected = trainingStep(plainOps);
    await engineInParts(partBytes);
    const found = trainingStep(opsWith('instance'));
    expect(relativeError(found.value, expected.value)).toBeLessThan(1e-5);
    shapes.forEach(([name], index) => {
      // Gradients of a bias before a normalisation are zero but for rounding.
      if (name.endsWith('.bias') && name !== 'head.bias') return;
      expect(relativeError(found.gradients[index]!, expected.gradients[index]!), name).toBeLessThan(1e-4);
    });
  });

  it.each(['batch', 'instance', 'group'] as const)(
    'change nothing but sums over samples: %s normalisation',
    async (norm) => {
      await engineInParts(Number.POSITIVE_INFINITY);
      const whole = trainingStep(opsWith(norm));
      await engineInParts(0);
      const parted = trainingStep(opsWith(norm));
      expect(parted.value).toEqual(whole.value);
      shapes.forEach(([name], index) => {
        if (name.endsWith('.bias') && name !== 'head.bias') return;
        expect(relativeError(parted.gradients[index]!, whole.gradients[index]!), name).toBeLessThan(1e-5);
      });
      expect(parted.gradients.some((gradient, index) => gradient.join() !== whole.gradients[index]!.join())).toBe(true);
    },
  );

  const [batch, channels] = [6, 16];
  const volume = (seed: number) => values([batch, 2, 4, 4, channels], seed) as tf.Tensor5D;
  const filter = () => values([3, 3, 3, channels, channels], 7, 0.2) as tf.Tensor5D;
  const convolved = (seed: number) => tf.conv3d(volume(seed), filter(), 1, 'same');
  const cases: readonly (readonly [string, () => tf.Tensor])[] = [
    ['a sum of two convolutions', () => tf.add(convolved(1), convolved(2))],
    ['a mask per sample and channel', () => tf.mul(convolved(1), values([batch, 1, 1, 1, channels], 3))],
    ['a mask of one sample', () => tf.mul(convolved(1), values([1, 2, 4, 4, channels], 3))],
    ['a vector of channels', () => tf.add(convolved(1), values([channels], 3))],
    ['samples of whole parts', () => tf.slice(convolved(1), [2, 0, 0, 0, 0], [3, -1, -1, -1, -1])],
    ['all channels, some planes', () => tf.slice(convolved(1), [0, 1, 0, 0, 0], [-1, 1, -1, -1, -1])],
    ['batches one after the other', () => tf.concat([convolved(1), volume(2), convolved(3)], 0)],
    ['a batch of none before another', () => tf.concat([tf.zeros([0, 2, 4, 4, channels]), convolved(1)], 0)],
    ['two batches of none', () => tf.sum(tf.concat([tf.zeros([0, 2, 4, 4, 3]), tf.zeros([0, 2, 4, 4, 3])], 0))],
    ['channels beside each other', () => tf.concat([convolved(1), volume(2)], 4)],
    ['a softmax', () => tf.softmax(convolved(1))],
    ['the largest channel', () => tf.argMax(convolved(1), 4)],
    ['the mean of every sample', () => tf.mean(convolved(1), [1, 2, 3])],
    ['the largest voxel of all', () => tf.max(convolved(1), [0, 1, 2, 3])],
    ['a reshape of the samples', () => tf.reshape(convolved(1), [2, -1])],
    ['a convolution of what was joined', () => tf.conv3d(tf.concat([convolved(1), volume(2)], 0), filter(), 1, 'same')],
  ];
  it.each(cases)('have the same bits: %s', async (_name, compute) => {
    await engineInParts(Number.POSITIVE_INFINITY);
    const whole = tf.tidy(() => compute().dataSync());
    await engineInParts(0);
    expect(tf.tidy(() => compute().dataSync())).toEqual(whole);
  });

  it('sum to the same over the samples', async () => {
    const compute = () => tf.sum(convolved(1), [0, 1, 2, 3]).dataSync();
    await engineInParts(Number.POSITIVE_INFINITY);
    const whole = tf.tidy(compute);
    await engineInParts(0);
    expect(relativeError(tf.tidy(compute), whole)).toBeLessThan(1e-6);
  });

  it('add over an operand where they are large, exactly', async () => {
    await engineInParts(0);
    const x = values([2, 16, 128, 256, channels], 1) as tf.Tensor5D;
    const first = tf.conv3d(x, values([1, 1, 1, channels, channels], 2) as tf.Tensor5D, 1, 'same');
    const second = tf.mul(x, 3);
    const sum = tf.add(first, second);
    const [total, a, b] = [sum, first, second].map((tensor) => tensor.dataSync());
    tf.dispose([x, first, second, sum]);
    expect((total as Float32Array).every((value, index) => value === Math.fround(a![index]! + b![index]!))).toBe(true);
  });

  it.each([2, 1])('are scaled by the channels of %i samples where they are large, exactly', async (own) => {
    await engineInParts(Number.POSITIVE_INFINITY);
    const x = values([2, 16, 128, 256, channels], 1) as tf.Tensor5D;
    const image = tf.conv3d(x, values([1, 1, 1, channels, channels], 2) as tf.Tensor5D, 1, 'same');
    const mask = values([own, 1, 1, 1, channels], 3);
    const scaled = tf.mul(mask, image);
    const [found, a, b] = [scaled, image, mask].map((tensor) => tensor.dataSync());
    tf.dispose([x, image, mask, scaled]);
    const sample = a!.length / 2;
    const factor = (index: number) => b![(own === 1 ? 0 : Math.floor(index / sample)) * channels + (index % channels)]!;
    expect((found as Float32Array).every((value, index) => value === Math.fround(a![index]! * factor(index)))).toBe(
      true,
    );
  });
});
