import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { labels, relativeError, values } from '../../test/engine-harness.js';
import { channelsFor, expectLikeCpu, freshEngine, laidOut, layoutOf, memories } from '../../test/golden.js';

beforeAll(async () => {
  await freshEngine();
});

describe.each(memories)('moving elements, %s memory', (memory) => {
  const c = channelsFor(memory);
  const image = (seed: number) => laidOut(values([2, 3, 4, 5, c], seed), memory) as tf.Tensor5D;

  it('reshapes', async () => {
    await expectLikeCpu(() => {
      const x = image(1);
      const shapes = [
        [2, 3, 4, 5, 1, c],
        [2, 1, 3, 4, 5, c],
        [2, 60, c],
        [120, c],
        [6, 4, 5, c],
        [2, 3, 2, 2, 5, c],
        [2, 3, 4, 5 * c],
        [2, c, 3, 4, 5],
        [120 * c],
      ];
      const results = Object.fromEntries(shapes.map((shape) => [`${shape}`, tf.reshape(x, shape)]));
      const one = tf.slice(x, [0, 0, 0, 0, 0], [1, 3, 4, 5, c]);
      results.squeezed = tf.squeeze(one, [0]);
      results.rows = tf.reshape(one, [60, c]);
      results.backAgain = tf.reshape(tf.reshape(x, [2, 60, c]), x.shape);
      return results;
    });
  });

  it('transposes, joins, cuts and splits', async () => {
    await expectLikeCpu(() => {
      const x = image(2);
      const y = values(x.shape, 3) as tf.Tensor5D;
      const results: Record<string, tf.Tensor> = {
        transposed: tf.transpose(x, [4, 0, 3, 1, 2]),
        swapped: tf.transpose(x, [0, 4, 1, 2, 3]),
        stacked: tf.stack([x, y], 1),
        oddChannels: tf.concat([x, tf.slice(y, [0, 0, 0, 0, 0], [2, 3, 4, 5, 3])], 4),
        slice: tf.slice(x, [1, 0, 1, 2, 0], [1, 3, 2, 3, c]),
        channelSlice: tf.slice(x, [0, 0, 0, 0, 1], [2, 3, 4, 5, 3]),
        strided: tf.stridedSlice(x, [0, 2, 0, 4, 0], [2, -4, 4, -6, c], [1, -1, 2, -2, 2]),
        shrunk: tf.stridedSlice(x, [1, 0, 1, 0, 0], [2, 3, 4, 5, c], [1, 1, 1, 1, 1], 0, 0, 0, 0, 1),
      };
      for (const axis of [0, 1, 3, 4]) {
        results[`concat ${axis}`] = tf.concat([x, y, x], axis);
        tf.unstack(x, axis).forEach((part, index) => {
          if (index < 2) results[`unstack ${axis} ${index}`] = part;
        });
      }
      tf.split(x, [1, 2, 2], 3).forEach((part, index) => {
        results[`split ${index}`] = part;
      });
      return results;
    });
  });

  it('pads, mirrors, reverses, repeats and gathers', async () => {
    await expectLikeCpu(() => {
      const x = image(4);
      const four = tf.reshape(x, [6, 4, 5, c]) as tf.Tensor4D;
      const indices = tf.tensor1d([2, 0, 0, 1], 'int32');
      return {
        pad: tf.pad(
          x,
          [
            [0, 0],
            [1, 2],
            [0, 1],
            [3, 0],
            [0, 0],
          ],
          0.5,
        ),
        padChannels: tf.pad(x, [
          [0, 0],
          [0, 0],
          [0, 0],
          [0, 0],
          [1, 2],
        ]),
        reflect: tf.mirrorPad(
          x,
          [
            [0, 0],
            [1, 2],
            [2, 0],
            [1, 1],
            [0, 0],
          ],
          'reflect',
        ),
        symmetric: tf.mirrorPad(
          x,
          [
            [1, 0],
            [0, 0],
            [3, 1],
            [2, 2],
            [1, 2],
          ],
          'symmetric',
        ),
        reverse: tf.reverse(x, [1, 3]),
        reverseAll: tf.reverse(x),
        flip: tf.image.flipLeftRight(four),
        tile: tf.tile(x, [1, 2, 1, 1, 3]),
        broadcast: tf.broadcastTo(tf.slice(x, [0, 0, 0, 0, 0], [2, 1, 1, 1, c]), [2, 3, 4, 5, c]),
        gatherDepth: tf.gather(x, indices, 1),
        gatherChannels: tf.gather(x, indices, 4),
        gatherPairs: tf.gather(x, tf.reshape(indices, [2, 2]), 2),
        spaceToBatch: tf.spaceToBatchND(
          four,
          [2, 3],
          [
            [0, 0],
            [1, 0],
          ],
        ),
        batchToSpace: tf.batchToSpaceND(
          four,
          [3, 2],
          [
            [1, 0],
            [0, 1],
          ],
        ),
        padGrad: tf.grad((z) =>
          tf.square(
            tf.pad(z, [
              [0, 0],
              [1, 2],
              [0, 0],
              [0, 0],
              [1, 0],
            ]),
          ),
        )(x),
        concatGrad: tf.grad((z) => tf.square(tf.concat([z, z], 4)))(x),
        sliceGrad: tf.grad((z) => tf.square(tf.slice(z, [0, 1, 0, 0, 0], [2, 1, 4, 5, c])))(x),
        transposeGrad: tf.grad((z) => tf.square(tf.transpose(z, [4, 3, 2, 1, 0])))(x),
      };
    });
  });
});

describe('moving elements', () => {
  beforeEach(async () => {
    await tf.setBackend('onnxruntime');
  });

  it('a reshape that only drops, adds or joins neighbours keeps channel-first memory', () => {
    const x = laidOut(values([2, 3, 4, 5, 5], 1), 'channel-first');
    expect(layoutOf(tf.reshape(x, [2, 60, 5]))).toBe('/1/0.2.1');
    expect(layoutOf(tf.reshape(x, [2, 12, 5, 5]))).toBe('/1/0.3.1.2');
    expect(layoutOf(tf.reshape(x, [2, 3, 4, 5, 1, 5]))).toBe('/1/0.5.1.2.3.4');
    expect(layoutOf(tf.reshape(x, [120, 5]))).toBe('/1/0.1');
  });

  it.each([
    [true, false],
    [false, true],
    [true, true],
    [false, false],
  ])('matrices whose memory is exchanged multiply as they lie: transposed %s, %s', async (transposeA, transposeB) => {
    const operand = (rows: number, columns: number, seed: number) =>
      tf.reshape(laidOut(values([2, 3, 2, rows / 6, columns], seed), 'channel-first'), [2, rows, columns]);
    expect(layoutOf(operand(24, 5, 1))).toBe('/1/0.2.1');
    await expectLikeCpu(() => {
      const [a, b] = [
        transposeA ? operand(24, 6, 1) : operand(6, 24, 1),
        operand(transposeB ? 12 : 24, transposeB ? 24 : 12, 2),
      ];
      const plain = values(transposeB ? [2, 12, 24] : [2, 24, 12], 3);
      return {
        both: tf.matMul(a, b, transposeA, transposeB),
        first: tf.matMul(a, plain, transposeA, transposeB),
      };
    });
  });

  it('one-hot labels are channel-first and agree', async () => {
    await expectLikeCpu(() => ({
      image: tf.oneHot(labels([2, 3, 4, 5], 1, 6) as tf.Tensor, 6),
      list: tf.oneHot(tf.tensor1d([3, -1, 0, 7], 'int32'), 4, 2.5, -1, 'float32'),
    }));
    expect(layoutOf(tf.oneHot(labels([2, 3, 4, 5], 1, 6), 6))).toBe('/1/0.4.1.2.3');
  });

  it('a broadcast volume has a gradient', async () => {
    await tf.setBackend('onnxruntime');
    const weight = values([2, 3, 2, 2, 4], 5);
    const gradient = tf.grad((z) => tf.sum(tf.mul(tf.broadcastTo(z, weight.shape), weight)))(tf.ones([2, 1, 1, 1, 4]));
    const expected = tf.sum(weight, [1, 2, 3], true);
    tf.util.assert(tf.util.arraysEqual(gradient.shape, expected.shape), () => 'shapes differ');
    expect(relativeError(gradient.dataSync(), expected.dataSync())).toBeLessThan(1e-6);
  });

  it('whole numbers and booleans', async () => {
    await expectLikeCpu(() => {
      const x = tf.tensor2d([1, -2, 3, 2 ** 24 + 1, 5, 6], [2, 3], 'int32');
      const p = tf.tensor2d([1, 0, 1, 1, 0, 0], [2, 3], 'bool');
      const all = (t: tf.Tensor2D, name: string) => ({
        [`${name} transpose`]: tf.transpose(t),
        [`${name} concat`]: tf.concat([t, t], 1),
        [`${name} slice`]: tf.slice(t, [0, 1], [2, 2]),
        [`${name} pad`]: tf.pad(
          t,
          [
            [0, 1],
            [1, 0],
          ],
          1,
        ),
        [`${name} reverse`]: tf.reverse(t, 1),
        [`${name} tile`]: tf.tile(t, [2, 1]),
        [`${name} gather`]: tf.gather(t, tf.tensor1d([2, 0], 'int32'), 1),
        [`${name} zeros`]: tf.zerosLike(t),
        [`${name} mirror`]: tf.mirrorPad(
          t,
          [
            [0, 1],
            [2, 0],
          ],
          'reflect',
        ),
      });
      return { ...all(x, 'int32'), ...all(p, 'bool') };
    });
  });

  it('ranges', async () => {
    await expectLikeCpu(() => ({
      up: tf.range(0, 5),
      down: tf.range(5, 0),
      steps: tf.range(-2, 3, 0.75),
      ints: tf.range(3, 12, 4, 'int32'),
      none: tf.range(2, 2),
      linspace: tf.linspace(-1, 2, 7),
    }));
  });

  it('tensors without elements', async () => {
    await expectLikeCpu(() => {
      const empty = tf.zeros([0, 3]);
      const x = tf.ones([2, 3]);
      return {
        concat: tf.concat([empty, x, empty], 0),
        onlyEmpty: tf.concat([empty, empty], 0),
        pad: tf.pad(
          empty as tf.Tensor2D,
          [
            [1, 1],
            [0, 0],
          ],
          2,
        ),
        slice: tf.slice(x, [1, 0], [0, 3]),
        reshape: tf.reshape(empty, [3, 0]),
        transpose: tf.transpose(empty),
        stack: tf.stack([empty, empty]),
        add: tf.add(empty, tf.ones([1, 3])),
        matMul: tf.matMul(tf.zeros([2, 0]), tf.zeros([0, 4])),
        matMulNone: tf.matMul(empty as tf.Tensor2D, tf.zeros([3, 4])),
        gather: tf.gather(x, tf.tensor1d([], 'int32')),
      };
    });
  });
});
