import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { values } from '../../test/engine-harness.js';
import { channelsFor, expectLikeCpu, freshEngine, laidOut, memories } from '../../test/golden.js';

beforeAll(async () => {
  await freshEngine();
});
beforeEach(async () => {
  await tf.setBackend('onnxruntime');
});

describe.each(memories)('matrices, sums along an axis and selection, %s memory', (memory) => {
  const c = channelsFor(memory);
  const volume = (seed: number) => laidOut(values([2, 3, 4, 5, c], seed), memory) as tf.Tensor5D;

  it('matrix products', async () => {
    await expectLikeCpu(
      () => {
        const x = tf.reshape(volume(1), [6, 20, c]) as tf.Tensor3D;
        const weights = values([6, c, 7], 2) as tf.Tensor3D;
        const shared = values([1, c, 7], 3) as tf.Tensor3D;
        const rows = tf.reshape(volume(4), [120, c]) as tf.Tensor2D;
        const matrix = values([c, 3], 5) as tf.Tensor2D;
        const [dRows, dMatrix] = tf.grads((a, b) => tf.sum(tf.square(tf.matMul(a!, b!))))([rows, matrix]);
        return {
          batched: tf.matMul(x, weights),
          broadcast: tf.matMul(x, shared),
          transposed: tf.matMul(x, tf.transpose(shared, [0, 2, 1]), false, true),
          both: tf.matMul(x, values([6, 4, 20], 6), true, true),
          fused: tf.fused.matMul({ a: rows, b: matrix, bias: values([3], 7), activation: 'elu' }),
          einsum: tf.einsum('bij,bjk->bik', x, weights),
          trace: tf.einsum('bij,bij->b', x, x),
          dRows: dRows!,
          dMatrix: dMatrix!,
        };
      },
      { absolute: 2e-5, relative: 1e-4 },
    );
  });

  it('cumulative sums and products', async () => {
    await expectLikeCpu(
      () => {
        const x = tf.add(volume(8), 1);
        const results: Record<string, tf.Tensor> = {};
        for (const axis of [0, 2, 3, 4]) {
          for (const exclusive of [false, true]) {
            for (const reverse of [false, true]) {
              const name = `${axis} ${exclusive} ${reverse}`;
              results[`sum ${name}`] = tf.cumsum(x, axis, exclusive, reverse);
              results[`product ${name}`] = tf.cumprod(x, axis, exclusive, reverse);
            }
          }
        }
        results.gradient = tf.grad((z) => tf.sum(tf.square(tf.cumsum(z, 3))))(x);
        return results;
      },
      { absolute: 1e-5 },
    );
  });

  it('largest elements, tuples of indices, scattered rows, with gradients', async () => {
    await expectLikeCpu(() => {
      const x = volume(9);
      const rows = tf.reshape(x, [24, 5, c]);
      const ids = tf.tensor1d([3, 0, 3, 23, 7], 'int32');
      const tuples = tf.tensor2d([0, 2, 1, 1, 0, 3, 0, 2, 1], [3, 3], 'int32');
      const top = tf.topk(x, 3);
      const chosen = tf.gather(rows, ids);
      return {
        topValues: top.values,
        topPositions: top.indices,
        gatherNd: tf.gatherND(x, tuples),
        scatterNd: tf.scatterND(tf.tensor2d([[4], [1], [4], [0], [2]], [5, 1], 'int32'), chosen, [6, 5, c]),
        scatterScalars: tf.scatterND(tf.tensor2d([1, 2, 0, 0, 1, 2], [3, 2], 'int32'), tf.tensor1d([1, 2, 4]), [2, 3]),
        // A copy: the CPU backend writes into its operand.
        update: tf.tensorScatterUpdate(tf.mul(rows, 1), tf.tensor2d([[4], [1]], [2, 1], 'int32'), tf.slice(rows, 7, 2)),
        segments: tf.unsortedSegmentSum(
          rows,
          tf.tensor1d(
            [...new Array(24).keys()].map((i) => i % 5),
            'int32',
          ),
          5,
        ),
        dropped: tf.unsortedSegmentSum(tf.slice(rows, 0, 4), tf.tensor1d([1, -1, 9, 1], 'int32'), 3),
        gatherGrad: tf.grad((z) => tf.sum(tf.square(tf.gather(z, ids))))(rows),
        gatherChannelGrad: tf.grad((z) => tf.sum(tf.square(tf.gather(z, tf.tensor1d([1, 1, 0], 'int32'), 2))))(rows),
        inBatches: tf.gather(
          rows,
          tf.tensor2d(
            new Array(48).fill(0).map((_, i) => i % 5),
            [24, 2],
            'int32',
          ),
          1,
          1,
        ),
      };
    });
  });
});

describe('indices out of range', () => {
  it('on the host are refused at their line, with TensorFlow.js’s message', () => {
    const x = tf.ones([3, 2]);
    expect(() => tf.gather(x, tf.tensor1d([0, 3], 'int32'))).toThrow('GatherV2: the index value 3 is not in [0, 2]');
    expect(() => tf.scatterND(tf.tensor2d([[5]], [1, 1], 'int32'), tf.ones([1, 2]), [3, 2])).toThrow(
      'Invalid indices: 5 does not index into 3,2',
    );
  });

  it('that were computed are refused by the run', () => {
    const computed = tf.add(tf.tensor1d([0, 1], 'int32'), tf.scalar(2, 'int32'));
    expect(() => tf.gather(tf.ones([3, 2]), computed).dataSync()).toThrow(/indices element out of data bounds, idx=3/);
  });
});

describe('sparse tensors and whole numbers', () => {
  it('agree with the CPU backend', async () => {
    await expectLikeCpu(() => {
      const indices = tf.tensor2d([0, 1, 2, 0], [2, 2], 'int32');
      const x = tf.tensor2d([5, 1, 5, 2, 9, 9], [2, 3], 'int32');
      const { values: top, indices: positions } = tf.topk(x, 2);
      return {
        dense: tf.sparseToDense(indices, tf.tensor1d([1.5, 2]), [3, 2], tf.scalar(-1)),
        oneValue: tf.sparseToDense(indices, tf.scalar(4), [3, 2], 0),
        bools: tf.sparseToDense(indices, tf.tensor1d([1, 1], 'bool'), [3, 2], tf.scalar(false, 'bool')),
        top,
        positions,
        cumsum: tf.cumsum(x, 1),
        matMul: tf.matMul(x, tf.transpose(x) as tf.Tensor2D),
        scatter: tf.scatterND(tf.tensor2d([[1], [1]], [2, 1], 'int32'), tf.tensor1d([3, 4], 'int32'), [3]),
        empty: tf.scatterND(tf.zeros([0, 1], 'int32'), tf.zeros([0, 2]), [3, 2]),
      };
    });
  });
});
