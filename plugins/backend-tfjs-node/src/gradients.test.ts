import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { conv3dTransposeGradient, registerMissingGradients } from './gradients.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

afterEach(() => {
  tf.unregisterGradient(tf.Conv3DBackpropInputV2);
});

interface Case {
  readonly name: string;
  readonly spatial: readonly [number, number, number];
  readonly kernel: readonly [number, number, number];
  readonly stride: number;
  readonly output: readonly [number, number, number];
  readonly pad: 'same' | 'valid';
}

const CASES: readonly Case[] = [
  { name: 'tiling', spatial: [2, 3, 2], kernel: [2, 2, 2], stride: 2, output: [4, 6, 4], pad: 'same' },
  { name: 'overlapping, odd output', spatial: [2, 3, 3], kernel: [3, 3, 3], stride: 2, output: [3, 5, 6], pad: 'same' },
  { name: 'stride 1', spatial: [3, 3, 4], kernel: [3, 2, 3], stride: 1, output: [3, 3, 4], pad: 'same' },
  { name: 'valid', spatial: [2, 2, 3], kernel: [3, 2, 3], stride: 2, output: [5, 4, 7], pad: 'valid' },
];
const BATCH = 2;
const IN = 3;
const OUT = 2;

/** Distinct, unordered values whose products are exact in float32. */
function values(length: number, seed: number): Float32Array {
  return Float32Array.from({ length }, (_, index) => (((index + 1) * 7919 * seed) % 31) - 15);
}

/** Where an output position takes its padding from: TensorFlow puts the smaller half of `same` padding in front. */
function paddingBefore({ kernel, stride, output, spatial, pad }: Case, axis: 0 | 1 | 2): number {
  if (pad === 'valid') return 0;
  return Math.floor(Math.max((spatial[axis] - 1) * stride + kernel[axis] - output[axis], 0) / 2);
}

/**
 * The definition, tap by tap: y[b, o, k] = Σ x[b, i, c] w[t, k, c] over o = i · stride + t - padding. Hence
 * ∂x[b, i, c] = Σ g[b, o, k] w[t, k, c] and ∂w[t, k, c] = Σ g[b, o, k] x[b, i, c] over the same triples.
 */
function byDefinition(given: Case, x: Float32Array, w: Float32Array, g: Float32Array) {
  const { spatial: s, kernel: k, output: o, stride } = given;
  const before = ([0, 1, 2] as const).map((axis) => paddingBefore(given, axis)) as [number, number, number];
  const dx = new Float32Array(x.length);
  const dw = new Float32Array(w.length);
  for (let b = 0; b < BATCH; b++) {
    for (let i = 0; i < s[0] * s[1] * s[2]; i++) {
      const at = [Math.floor(i / (s[1] * s[2])), Math.floor(i / s[2]) % s[1], i % s[2]] as const;
      for (let t = 0; t < k[0] * k[1] * k[2]; t++) {
        const tap = [Math.floor(t / (k[1] * k[2])), Math.floor(t / k[2]) % k[1], t % k[2]] as const;
        const z = at[0] * stride + tap[0] - before[0];
        const y = at[1] * stride + tap[1] - before[1];
        const u = at[2] * stride + tap[2] - before[2];
        if (z < 0 || y < 0 || u < 0 || z >= o[0] || y >= o[1] || u >= o[2]) continue;
        const out = ((b * o[0] + z) * o[1] + y) * o[2] + u;
        const input = b * s[0] * s[1] * s[2] + i;
        for (let m = 0; m < OUT; m++) {
          for (let c = 0; c < IN; c++) {
            const filter = (t * OUT + m) * IN + c;
            dx[input * IN + c]! += g[out * OUT + m]! * w[filter]!;
            dw[filter]! += g[out * OUT + m]! * x[input * IN + c]!;
          }
        }
      }
    }
  }
  return { dx, dw };
}

function product(shape: readonly number[]): number {
  return shape.reduce((total, length) => total * length, 1);
}

test.each(CASES)('conv3dTranspose, $name: both gradients equal the sums of the definition', (given) => {
  registerMissingGradients(tf);
  const xShape = [BATCH, ...given.spatial, IN] as [number, number, number, number, number];
  const wShape = [...given.kernel, OUT, IN] as [number, number, number, number, number];
  const gShape = [BATCH, ...given.output, OUT] as [number, number, number, number, number];
  const x = values(product(xShape), 1);
  const w = values(product(wShape), 2);
  const g = values(product(gShape), 3);

  const transpose = (input: tf.Tensor, filter: tf.Tensor): tf.Tensor =>
    tf.conv3dTranspose(input as tf.Tensor5D, filter as tf.Tensor5D, gShape, given.stride, given.pad as 'same');
  const [dx, dw] = tf.grads(transpose)([tf.tensor(x, xShape), tf.tensor(w, wShape)], tf.tensor(g, gShape));

  // Sums of integers below 2^24: float32 holds them exactly in any order.
  const expected = byDefinition(given, x, w, g);
  expect(dx!.dataSync()).toEqual(expected.dx);
  expect(dw!.dataSync()).toEqual(expected.dw);
});

test('a gradient that is registered already stays', () => {
  const theirs = { ...conv3dTransposeGradient(tf) };
  tf.registerGradient(theirs);
  registerMissingGradients(tf);
  expect(tf.getGradient(tf.Conv3DBackpropInputV2)).toBe(theirs);
});
