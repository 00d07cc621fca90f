import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it, vi } from 'vitest';
import { useEngine, values } from '../test/engine-harness.js';
import { normActivation } from './ops/tensor-ops.js';
import { compileStep } from './replay.js';

/** A small training step with momentum as a pure function of named tensors. */
function trainingStep({ x, w, v, rate }: { x: tf.Tensor; w: tf.Tensor; v: tf.Tensor; rate: tf.Tensor }) {
  const loss = (weights: tf.Tensor) =>
    tf.mean(
      tf.square(
        normActivation(tf.conv3d(x as tf.Tensor5D, weights as tf.Tensor5D, 1, 'same'), {
          norm: 'instance',
          slope: 0.1,
          training: true,
        }),
      ),
    );
  const { value, grad } = tf.valueAndGrad(loss)(w);
  const velocity = tf.add(tf.mul(v, 0.9), grad);
  return { loss: value, w: tf.sub(w, tf.mul(rate, velocity)), v: velocity };
}

async function train(
  steps: number,
  compiled: boolean,
): Promise<{ losses: number[]; weights: number[]; replayed: number }> {
  const backend = await useEngine();
  const step = compiled ? compileStep(backend, trainingStep) : undefined;
  let state = { w: values([3, 3, 3, 16, 16], 2, 0.2), v: tf.zeros([3, 3, 3, 16, 16]) };
  const losses: number[] = [];
  for (let index = 0; index < steps; index++) {
    const inputs = { ...state, x: values([1, 4, 6, 6, 16], 10 + index), rate: tf.scalar(0.1 / (index + 1)) };
    const outputs = step ? step(inputs) : tf.tidy(() => trainingStep(inputs));
    losses.push(outputs.loss.dataSync()[0]!);
    for (const tensor of Object.values(inputs)) tensor.dispose();
    outputs.loss.dispose();
    state = { w: outputs.w, v: outputs.v };
  }
  return { losses, weights: [...state.w.dataSync()], replayed: step?.statistics.replayed ?? 0 };
}

describe('compileStep', () => {
  it('gives the same bits as the function itself, with data and learning rate changing', async () => {
    const plain = await train(12, false);
    const compiled = await train(12, true);
    expect(compiled.losses).toEqual(plain.losses);
    expect(compiled.weights).toEqual(plain.weights);
    // Calls 1, 2, 4 and 8 run the function; the others replay, once the layout of the weights has settled.
    expect(compiled.replayed).toBe(8);
  });

  it('gives the same bits twice', async () => {
    expect(await train(5, true)).toEqual(await train(5, true));
  });

  it('makes no tensors that outlive a step', async () => {
    const backend = await useEngine();
    const step = compileStep(backend, ({ x }: { x: tf.Tensor }) => ({ y: tf.mul(tf.add(x, 1), 2) }));
    const counts: number[] = [];
    for (let index = 0; index < 6; index++) {
      const x = tf.tensor1d([index, 1]);
      const { y } = step({ x });
      expect([...y.dataSync()]).toEqual([2 * index + 2, 4]);
      tf.dispose([x, y]);
      counts.push(tf.memory().numTensors);
    }
    expect(new Set(counts).size).toBe(1);
  });

  it('assigns variables and keeps a copy that was taken before', async () => {
    const backend = await useEngine();
    const variable = tf.variable(tf.zeros([2048]));
    const step = compileStep(backend, ({ x }: { x: tf.Tensor }) => {
      variable.assign(tf.add(variable, x));
      return { total: tf.sum(variable) };
    });
    const seen: number[] = [];
    let snapshot: tf.Tensor | undefined;
    for (let index = 0; index < 6; index++) {
      const x = tf.scalar(1);
      const { total } = step({ x });
      seen.push(total.dataSync()[0]!);
      if (index === 4) snapshot = variable.clone();
      tf.dispose([x, total]);
    }
    expect(seen).toEqual([2048, 4096, 6144, 8192, 10240, 12288]);
    expect(snapshot!.dataSync()[0]).toBe(5);
    expect(variable.dataSync()[7]).toBe(6);
    tf.dispose([variable, snapshot!]);
  });

  it('notices a number that changes without being an input', async () => {
    const backend = await useEngine();
    let weight = 0.5;
    const step = compileStep(backend, ({ x }: { x: tf.Tensor }) => ({ y: tf.mul(x, tf.scalar(weight)) }));
    const x = tf.scalar(3);
    step({ x });
    weight = 0.25;
    expect(() => step({ x })).toThrow(/changed from 0.5 to 0.25\nPass whatever changes/);
  });

  it('says where a tensor that the step leaves behind was made', async () => {
    const backend = await useEngine();
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    let kept: tf.Tensor | undefined;
    const step = compileStep(backend, ({ x }: { x: tf.Tensor }) => {
      kept = tf.keep(tf.square(x));
      return { y: tf.add(x, 1) };
    });
    step({ x: tf.tensor1d([1, 2]) });
    expect(warn.mock.calls[0]?.[0]).toMatch(
      /1 tensors outlive the compiled step[\s\S]*float32\[2\] made at .*replay\.test\.ts/,
    );
    kept?.dispose();
    warn.mockRestore();
  });
});
