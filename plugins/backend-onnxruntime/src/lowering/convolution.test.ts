import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { differentiate, errors, type Gradients, useEngine, useReference, values } from '../../test/engine-harness.js';
import { conv3d } from '../ops/tensor-ops.js';

/** Input channels, output channels, spatial sides, batch. */
interface Case {
  readonly name: string;
  readonly i: number;
  readonly o: number;
  readonly sides: readonly number[];
  readonly batch: number;
}

const volumes: readonly Case[] = [
  { name: 'whole blocks', i: 16, o: 16, sides: [4, 6, 6], batch: 1 },
  { name: 'two samples, more outputs', i: 16, o: 32, sides: [4, 6, 8], batch: 2 },
  { name: 'two samples, more inputs', i: 32, o: 16, sides: [6, 4, 6], batch: 2 },
  { name: 'one input channel', i: 1, o: 16, sides: [4, 6, 6], batch: 2 },
  { name: 'channels that are no whole block', i: 3, o: 5, sides: [4, 6, 8], batch: 2 },
  { name: 'flat volumes', i: 16, o: 16, sides: [2, 2, 2], batch: 1 },
];

const odd: readonly Case[] = [
  { name: 'odd sides', i: 16, o: 32, sides: [3, 5, 7], batch: 2 },
  { name: 'a depth that fills no whole tile', i: 16, o: 32, sides: [10, 4, 5], batch: 2 },
  { name: 'three input channels', i: 3, o: 16, sides: [3, 6, 5], batch: 2 },
  { name: 'one plane', i: 32, o: 16, sides: [1, 5, 4], batch: 1 },
  { name: 'one column', i: 16, o: 16, sides: [3, 5, 1], batch: 1 },
];

const images: readonly Case[] = [
  { name: 'whole blocks', i: 16, o: 16, sides: [6, 8], batch: 1 },
  { name: 'three samples', i: 32, o: 16, sides: [12, 16], batch: 3 },
  { name: 'one input channel', i: 1, o: 16, sides: [20, 16], batch: 2 },
  { name: 'three input channels', i: 3, o: 16, sides: [8, 8], batch: 2 },
  { name: 'a batch that is no whole block', i: 16, o: 32, sides: [6, 4], batch: 17 },
];

async function compare(
  run: () => Gradients,
  lowerings: readonly ('auto' | 'dense')[] = ['auto', 'dense'],
): Promise<void> {
  await useReference();
  const expected = run();
  for (const lowering of lowerings) {
    await useEngine({ lowering });
    for (const error of errors(run(), expected)) expect(error).toBeLessThan(1e-5);
  }
}

describe('convolutions and their gradients against the CPU backend, blocked and dense', () => {
  it.each(volumes)('3D, down and up: $name', async ({ i, o, sides, batch }) => {
    const program = (x: tf.Tensor, w: tf.Tensor, down: tf.Tensor, up: tf.Tensor) => {
      const y = tf.conv3d(x as tf.Tensor5D, w as tf.Tensor5D, 1, 'same');
      const z = tf.conv3d(y, down as tf.Tensor5D, 2, 'valid');
      const u = tf.conv3dTranspose(z, up as tf.Tensor5D, y.shape, 2, 'same');
      return tf.mean(tf.square(tf.add(u, y)));
    };
    const inputs = () => [
      values([batch, ...sides, i], 1),
      values([3, 3, 3, i, o], 2),
      values([2, 2, 2, o, 2 * o], 3),
      values([2, 2, 2, o, 2 * o], 4),
    ];
    // The CPU backend lacks the gradient of the transposed convolution, which the engine registers for every backend.
    await compare(() => differentiate(program as never, inputs));
  });

  it.each(odd)('3D: $name', async ({ i, o, sides, batch }) => {
    const program = (x: tf.Tensor, w: tf.Tensor) =>
      tf.mean(tf.square(tf.conv3d(x as tf.Tensor5D, w as tf.Tensor5D, 1, 'same')));
    await compare(() =>
      differentiate(program as never, () => [values([batch, ...sides, i], 5), values([3, 3, 3, i, o], 6)]),
    );
  });

  it('3D plane by plane, where a sample outgrows the cache', async () => {
    const program = (x: tf.Tensor, w: tf.Tensor) =>
      tf.mean(tf.square(tf.conv3d(x as tf.Tensor5D, w as tf.Tensor5D, 1, 'same')));
    const run = () =>
      differentiate(program as never, () => [values([2, 16, 48, 40, 16], 7), values([3, 3, 3, 16, 16], 8)]);
    await useEngine({ lowering: 'dense' });
    const expected = run();
    await useEngine();
    for (const error of errors(run(), expected)) expect(error).toBeLessThan(1e-5);
  });

  it.each([5, 14, 20])('3D, a pointwise convolution that leaves whole blocks, to %i channels', async (o) => {
    const program = (x: tf.Tensor, w: tf.Tensor, head: tf.Tensor, bias: tf.Tensor) => {
      const y = tf.conv3d(x as tf.Tensor5D, w as tf.Tensor5D, 1, 'same');
      const isReference = tf.getBackend() === 'cpu';
      const z = isReference
        ? tf.add(tf.conv3d(y, head as tf.Tensor5D, 1, 'same'), bias)
        : conv3d(y, head, { bias, padding: 'same' });
      return tf.mean(tf.square(z));
    };
    const inputs = () => [
      values([2, 4, 6, 5, 16], 1),
      values([3, 3, 3, 16, 32], 2),
      values([1, 1, 1, 32, o], 3),
      values([o], 4),
    ];
    await compare(() => differentiate(program as never, inputs));
  });

  it.each([
    [16, 16],
    [16, 32],
    [32, 16],
  ])('3D strip by strip, where a plane outgrows the cache: %i to %i channels', async (i, o) => {
    const program = (x: tf.Tensor, w: tf.Tensor) =>
      tf.mean(tf.square(tf.conv3d(x as tf.Tensor5D, w as tf.Tensor5D, 1, 'same')));
    const run = () =>
      differentiate(program as never, () => [values([2, 2, 128, 128, i], 7), values([3, 3, 3, i, o], 8)]);
    await useEngine({ lowering: 'dense' });
    const expected = run();
    await useEngine();
    for (const error of errors(run(), expected)) expect(error).toBeLessThan(1e-5);
  });

  it('2D strip by strip, where a sample outgrows the cache', async () => {
    const program = (x: tf.Tensor, w: tf.Tensor) =>
      tf.mean(tf.square(tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'same')));
    const run = () => differentiate(program as never, () => [values([2, 48, 256, 32], 7), values([3, 3, 32, 16], 8)]);
    await useEngine({ lowering: 'dense' });
    const expected = run();
    await useEngine();
    for (const error of errors(run(), expected)) expect(error).toBeLessThan(1e-5);
  });

  it.each(images)('2D, down, up, concatenation, pooling: $name', async ({ i, o, sides, batch }) => {
    const program = (x: tf.Tensor, w: tf.Tensor, down: tf.Tensor, up: tf.Tensor) => {
      const y = tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'same');
      const z = tf.conv2d(y, down as tf.Tensor4D, 2, 'valid');
      const u = tf.conv2dTranspose(z, up as tf.Tensor4D, y.shape, 2, 'same');
      const joined = tf.concat([u, y], 3);
      return tf.add(tf.mean(tf.square(joined)), tf.mean(tf.square(tf.maxPool(joined, 2, 2, 'valid'))));
    };
    const inputs = () => [
      values([batch, ...sides, i], 1),
      values([3, 3, i, o], 2),
      values([2, 2, o, 2 * o], 3),
      values([2, 2, o, 2 * o], 4),
    ];
    await compare(() => differentiate(program as never, inputs));
  });

  it.each([
    [2, [4, 6, 8]],
    [
      [1, 2, 2],
      [3, 4, 6],
    ],
  ])('3D, pooling by windows of %s that tile', async (window, sides) => {
    const program = (x: tf.Tensor, w: tf.Tensor) => {
      const y = tf.conv3d(x as tf.Tensor5D, w as tf.Tensor5D, 1, 'same');
      const largest = tf.maxPool3d(y, window as never, window as never, 'valid');
      const mean = tf.avgPool3d(y, window as never, window as never, 'valid');
      return tf.add(tf.mean(tf.square(largest)), tf.mean(tf.square(mean)));
    };
    await compare(() =>
      differentiate(program as never, () => [values([2, ...sides, 16], 1), values([3, 3, 3, 16, 16], 2)]),
    );
  });

  it('2D, maximum pooling: of equal elements the first takes the gradient', async () => {
    const program = (x: tf.Tensor, w: tf.Tensor) =>
      tf.mean(tf.square(tf.maxPool(tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'same'), 2, 2, 'valid')));
    // Small whole numbers give equal maxima, and sums without rounding, so that they stay equal.
    const whole = (shape: readonly number[], seed: number) => tf.round(values(shape, seed, 2.2));
    await compare(() => differentiate(program as never, () => [whole([2, 12, 8, 16], 1), whole([3, 3, 16, 16], 2)]));
  });

  it.each([
    { strides: 2, pad: 'same' as const, kernel: 3 },
    { strides: 1, pad: 'valid' as const, kernel: 3 },
    { strides: 3, pad: 'same' as const, kernel: 5 },
    { strides: 1, pad: 'same' as const, kernel: 1 },
  ])('3D with kernel $kernel, stride $strides, $pad', async ({ strides, pad, kernel }) => {
    const program = (x: tf.Tensor, w: tf.Tensor) =>
      tf.mean(tf.square(tf.conv3d(x as tf.Tensor5D, w as tf.Tensor5D, strides, pad)));
    await compare(() =>
      differentiate(program as never, () => [
        values([2, 6, 7, 8, 16], 9),
        values([kernel, kernel, kernel, 16, 16], 10),
      ]),
    );
  });
});
