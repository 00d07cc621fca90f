import { createCpuBackend } from '@dinomix/backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { featureDistance } from './distance.js';

await createCpuBackend().setup({ device: 'cpu', threads: null });

const SHAPE = [1, 2, 1, 3, 4] as const;
const CHANNELS = 4;
const wave = (seed: number): Float32Array =>
  Float32Array.from({ length: 24 }, (_, index) => Math.sin(1.3 * index + seed));
const S = wave(0.2);
const T = wave(1.9);
const tensor = (values: ArrayLike<number>): tf.Tensor => tf.tensor(Float32Array.from(values), [...SHAPE]);
const DISTANCES = ['normalised-mse', 'cosine', 'layernorm-mse', 'relation'] as const;
type Distance = (typeof DISTANCES)[number];

const rows = (values: ArrayLike<number>): number[][] =>
  Array.from({ length: values.length / CHANNELS }, (_, row) => [0, 1, 2, 3].map((c) => values[row * CHANNELS + c]!));
const dot = (a: number[], b: number[]): number => a.reduce((sum, value, index) => sum + value * b[index]!, 0);
const cosine = (a: number[], b: number[]): number => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
const average = (values: readonly number[]): number => values.reduce((a, b) => a + b) / values.length;
const centred = (a: number[]): number[] => a.map((value) => value - average(a));

/** The distances through cosines and correlations, in double precision. */
function reference(s: ArrayLike<number>, t: ArrayLike<number>, distance: Distance): number {
  const [a, b] = [rows(s), rows(t)];
  const cosines = a.map((row, index) => cosine(row, b[index]!));
  if (distance === 'normalised-mse') return average(cosines.map((value) => 2 - 2 * value));
  if (distance === 'cosine') return average(cosines.map((value) => 1 - value));
  if (distance === 'layernorm-mse') {
    return average(a.map((row, index) => 2 - 2 * cosine(centred(row), centred(b[index]!))));
  }
  const pairs = [0, 1].flatMap((slice) =>
    [0, 1, 2].flatMap((i) => [0, 1, 2].map((j) => [3 * slice + i, 3 * slice + j] as const)),
  );
  return average(pairs.map(([i, j]) => (cosine(a[i]!, a[j]!) - cosine(b[i]!, b[j]!)) ** 2));
}

const distanceOf = (s: ArrayLike<number>, t: ArrayLike<number>, distance: Distance): number =>
  featureDistance(tensor(s), tensor(t), distance).dataSync()[0]!;

describe.each(DISTANCES)('%s', (distance) => {
  it('has the value of its formula', () => {
    expect(distanceOf(S, T, distance)).toBeCloseTo(reference(S, T, distance), 5);
  });

  it('is 0 for s = c t, c above 0, and does not change with the scale of either', () => {
    expect(
      distanceOf(
        T.map((value) => 7 * value),
        T,
        distance,
      ),
    ).toBeCloseTo(0, 6);
    const value = distanceOf(S, T, distance);
    expect(
      distanceOf(
        S.map((one) => 100 * one),
        T.map((one) => 0.01 * one),
        distance,
      ),
    ).toBeCloseTo(value, 4);
  });

  it('has a gradient that agrees with central differences', () => {
    const found = tf
      .grad((s) => featureDistance(s, tensor(T), distance))(tensor(S))
      .dataSync();
    S.forEach((value, index) => {
      const at = (step: number): number => reference(Float64Array.from(S).with(index, value + step), T, distance);
      expect(found[index]).toBeCloseTo((at(1e-5) - at(-1e-5)) / 2e-5, 5);
    });
  });

  it('is finite, with its gradient, where the feature is 0', () => {
    const { value, grad } = tf.valueAndGrad((s) => featureDistance(s, tensor(T), distance))(tf.zeros([...SHAPE]));
    expect(Number.isFinite(value.dataSync()[0])).toBe(true);
    expect([...grad.dataSync()].every(Number.isFinite)).toBe(true);
  });
});

it('normalised MSE lies in [0, 4], and reaches 4 for opposite vectors', () => {
  expect(
    distanceOf(
      T.map((value) => -3 * value),
      T,
      'normalised-mse',
    ),
  ).toBeCloseTo(4, 5);
  expect(
    distanceOf(
      T.map((value) => -3 * value),
      T,
      'cosine',
    ),
  ).toBeCloseTo(2, 5);
  for (const seed of [3, 4, 5, 6]) {
    const value = distanceOf(wave(seed), T, 'normalised-mse');
    expect(value).toBeGreaterThanOrEqual(0);
    expect(value).toBeLessThanOrEqual(4);
  }
});

it('normalised MSE sums over channels: repeating every channel changes nothing', () => {
  const repeated = (values: Float32Array): tf.Tensor => tf.concat([tensor(values), tensor(values)], 4);
  const value = featureDistance(repeated(S), repeated(T), 'normalised-mse').dataSync()[0];
  expect(value).toBeCloseTo(reference(S, T, 'normalised-mse'), 5);
});
