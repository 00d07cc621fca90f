import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, it } from 'vitest';
import { values } from '../../test/engine-harness.js';
import { channelsFor, expectLikeCpu, freshEngine, laidOut, memories } from '../../test/golden.js';

beforeAll(async () => {
  await freshEngine();
});

const AXES = [[0], [1], [4], [1, 2, 3], [0, 1, 2, 3], [2, 4], [0, 1, 2, 3, 4]] as const;

describe.each(memories)('reductions, %s memory', (memory) => {
  const image = (seed: number, range = 2) => laidOut(values([2, 3, 4, 5, channelsFor(memory)], seed, range), memory);

  it.each([false, true])('over every kind of axes, keepDims %s', async (keepDims) => {
    await expectLikeCpu(
      () => {
        const x = image(1);
        const near = tf.add(tf.mul(x, 0.1), 1);
        const mask = tf.greater(x, -0.9);
        const results: Record<string, tf.Tensor> = {};
        for (const axes of AXES.map((list) => [...list])) {
          results[`sum ${axes}`] = tf.sum(x, axes, keepDims);
          results[`mean ${axes}`] = tf.mean(x, axes, keepDims);
          results[`max ${axes}`] = tf.max(x, axes, keepDims);
          results[`min ${axes}`] = tf.min(x, axes, keepDims);
          results[`prod ${axes}`] = tf.prod(near, axes, keepDims);
          results[`all ${axes}`] = tf.all(mask, axes, keepDims);
          results[`any ${axes}`] = tf.any(tf.logicalNot(mask), axes, keepDims);
          results[`count ${axes}`] = tf.sum(mask, axes, keepDims);
        }
        return results;
      },
      { absolute: 1e-5, relative: 5e-5 },
    );
  });

  it('positions of extremes, softmax and its kin, with gradients', async () => {
    await expectLikeCpu(
      () => {
        const x = image(2, 6);
        const weight = values(x.shape, 3);
        const results: Record<string, tf.Tensor> = {
          softmax: tf.softmax(x),
          logSoftmax: tf.logSoftmax(x),
          logSumExp: tf.logSumExp(x, -1),
          softmaxGrad: tf.grad((z) => tf.sum(tf.mul(tf.softmax(z), weight)))(x),
          logSoftmaxGrad: tf.grad((z) => tf.sum(tf.mul(tf.logSoftmax(z), weight)))(x),
          maxGrad: tf.grad((z) => tf.max(z, [1, 2, 3]))(x),
          minGrad: tf.grad((z) => tf.min(z, -1))(x),
          prodGrad: tf.grad((z) => tf.prod(z, [1]))(x),
          sumGrad: tf.grad((z) => tf.square(tf.sum(z, [0, 4])))(x),
          meanGrad: tf.grad((z) => tf.square(tf.mean(z, [1, 2, 3])))(x),
        };
        for (const axis of [0, 1, 3, 4]) {
          results[`argMax ${axis}`] = tf.argMax(x, axis);
          results[`argMin ${axis}`] = tf.argMin(x, axis);
        }
        return results;
      },
      { absolute: 1e-5, relative: 1e-4 },
    );
  });
});

describe('reductions', () => {
  it('give NaN where the CPU backend does, and nowhere else', async () => {
    await expectLikeCpu(() => {
      const nan = Number.NaN;
      const infinity = Number.POSITIVE_INFINITY;
      const x = tf.tensor2d([
        [1, nan, 3],
        [-infinity, infinity, 2],
        [-infinity, -infinity, -infinity],
        [4, 5, 6],
      ]);
      return {
        max: tf.max(x, 1),
        min: tf.min(x, 1),
        sum: tf.sum(x, 1),
        mean: tf.mean(x, 0),
        prod: tf.prod(x, 1),
        softmax: tf.softmax(x),
        argMax: tf.argMax(x, 1),
        argMin: tf.argMin(x, 1),
      };
    });
  });

  it('over no elements give their neutral element', async () => {
    await expectLikeCpu(() => {
      const x = tf.zeros([0, 3]);
      const flags = tf.zeros([0, 3], 'bool');
      return { sum: tf.sum(x, 0), prod: tf.prod(x, 0), sumOfNothing: tf.sum(x, 1), any: tf.sum(flags, 0) };
    });
  });

  it('of whole numbers and booleans keep the type', async () => {
    await expectLikeCpu(() => {
      const x = tf.tensor2d([3, -4, 7, 2 ** 24 + 1, 5, -6], [2, 3], 'int32');
      const p = tf.tensor2d([1, 0, 1, 1, 1, 1], [2, 3], 'bool');
      return {
        sum: tf.sum(x, 1),
        mean: tf.mean(x, 0),
        max: tf.max(x, 0),
        min: tf.min(x, 1),
        prod: tf.prod(x, 0),
        all: tf.all(p, 1),
        any: tf.any(p, 0),
        sumBool: tf.sum(p),
        maxBool: tf.max(p, 1),
        argMax: tf.argMax(x, 1),
      };
    });
  });
});
