import { createCpuBackend } from '@dinomix/backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { featureDistance } from './distance.js';
import { uniquenessWeights } from './uniqueness.js';

await createCpuBackend().setup({ device: 'cpu', threads: null });

const SHAPE = [2, 1, 2, 3, 4] as const;
const wave = (seed: number): Float32Array =>
  Float32Array.from({ length: 48 }, (_, index) => Math.sin(1.3 * index + seed));
const tensor = (values: ArrayLike<number>): tf.Tensor => tf.tensor(Float32Array.from(values), [...SHAPE]);

/** Weights through all cosines, in double precision. */
function reference(values: ArrayLike<number>, exponent: number): number[] {
  const rows = Array.from({ length: 12 }, (_, row) => [0, 1, 2, 3].map((c) => values[row * 4 + c]!));
  const cosine = (a: number[], b: number[]): number => {
    const dot = (x: number[], y: number[]): number => x.reduce((sum, value, index) => sum + value * y[index]!, 0);
    return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  };
  const raw = rows.map((row, index) => {
    const crop = rows.slice(index < 6 ? 0 : 6, index < 6 ? 6 : 12);
    return (1 - crop.reduce((sum, other) => sum + cosine(row, other), 0) / 6) ** exponent;
  });
  const mean = raw.reduce((a, b) => a + b) / raw.length;
  return raw.map((value) => value / mean);
}

describe('uniqueness', () => {
  it.each([1, 2.5])('weighs by the mean cosine to the tokens of the crop, exponent %d', (exponent) => {
    const found = uniquenessWeights(tensor(wave(0.4)), exponent);
    expect(found.shape).toEqual([2, 1, 2, 3]);
    reference(wave(0.4), exponent).forEach((value, index) => {
      expect(found.dataSync()[index]).toBeCloseTo(value, 4);
    });
    expect(tf.mean(found).dataSync()[0]).toBeCloseTo(1, 6);
  });

  it('is highest where one token differs from all others, and 1 everywhere where none does', () => {
    const values = new Float32Array(48).fill(1);
    expect([...uniquenessWeights(tensor(values), 1).dataSync()]).toEqual(new Array(12).fill(expect.closeTo(1, 5)));
    values.set([1, -1, 1, -1], 4 * 9);
    expect(tf.argMax(tf.reshape(uniquenessWeights(tensor(values), 1), [-1])).dataSync()[0]).toBe(9);
  });

  it.each(['normalised-mse', 'cosine', 'layernorm-mse', 'relation'] as const)(
    'with %s weighs each position, and its gradient agrees with central differences',
    (distance) => {
      const [s, t] = [wave(0.2), wave(1.9)];
      const weights = uniquenessWeights(tensor(t), 3);
      const loss = (x: tf.Tensor): tf.Tensor => featureDistance(x, tensor(t), distance, weights);
      const gradient = tf.grad(loss)(tensor(s));
      for (const seed of [5, 6, 7]) {
        const direction = tensor(wave(seed));
        const at = (step: number): number => loss(tf.add(tensor(s), tf.mul(direction, step))).dataSync()[0]!;
        const slope = tf.sum(tf.mul(gradient, direction)).dataSync()[0]!;
        expect(slope).toBeCloseTo((at(4e-3) - at(-4e-3)) / 8e-3, 3);
      }
      const plain = featureDistance(tensor(s), tensor(t), distance).dataSync()[0]!;
      expect(Math.abs(loss(tensor(s)).dataSync()[0]! - plain)).toBeGreaterThan(1e-4);
      const equal = tf.ones([2, 1, 2, 3]);
      expect(featureDistance(tensor(s), tensor(t), distance, equal).dataSync()[0]).toBeCloseTo(plain, 6);
    },
  );
});
