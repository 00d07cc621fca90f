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

/** Value and gradient of an operation that keeps the number of axes. */
function withGradient(name: string, x: tf.Tensor, operation: (x: tf.Tensor) => tf.Tensor): Record<string, tf.Tensor> {
  const value = operation(x);
  const weight = values(value.shape, 77);
  return {
    [name]: value,
    [`${name} gradient`]: tf.grad((z) => tf.sum(tf.mul(operation(z), weight)))(x),
  };
}

type Pool2 = (
  x: tf.Tensor4D,
  size: number | [number, number],
  strides: number | [number, number],
  pad: never,
) => tf.Tensor;
type Pool3 = (
  x: tf.Tensor5D,
  size: number | [number, number, number],
  strides: number | [number, number, number],
  pad: never,
) => tf.Tensor;

const POOLS_2D = [
  [2, 2, 'valid'],
  [2, 2, 'same'],
  [3, 2, 'same'],
  [3, 1, 'same'],
  [[1, 3], [2, 1], 'valid'],
  [2, 3, 'valid'],
  [2, 1, 2],
] as const;
const POOLS_3D = [
  [2, 2, 'valid'],
  [2, 2, 'same'],
  [3, 2, 'same'],
  [[1, 2, 2], [1, 2, 2], 'valid'],
  [[3, 1, 2], [2, 1, 1], 'same'],
] as const;

describe.each(memories)('pooling, %s memory', (memory) => {
  const c = channelsFor(memory);
  const image = (seed: number) => laidOut(values([2, 7, 9, c], seed), memory) as tf.Tensor4D;
  const volume = (seed: number) => laidOut(values([2, 5, 6, 7, c], seed), memory) as tf.Tensor5D;

  it.each(POOLS_2D)('2D, size %j, strides %j, padding %j', async (size, strides, pad) => {
    await expectLikeCpu(() => {
      const x = image(1);
      const maximum = (z: tf.Tensor) =>
        (tf.maxPool as Pool2)(z as tf.Tensor4D, size as never, strides as never, pad as never);
      const average = (z: tf.Tensor) =>
        (tf.avgPool as Pool2)(z as tf.Tensor4D, size as never, strides as never, pad as never);
      const results = withGradient('maximum', x, maximum);
      // Under padding the CPU backend's gradient of the average is not that of its value: see the test below.
      if (pad === 'valid') return { ...results, ...withGradient('average', x, average) };
      // Over padding alone its average is 0 in three dimensions and NaN in two; here it is 0.
      return pad === 'same' ? { ...results, average: average(x) } : results;
    });
  });

  it.each(POOLS_3D)('3D, size %j, strides %j, padding %j', async (size, strides, pad) => {
    await expectLikeCpu(() => {
      const x = volume(2);
      const maximum = (z: tf.Tensor) =>
        (tf.maxPool3d as Pool3)(z as tf.Tensor5D, size as never, strides as never, pad as never);
      const average = (z: tf.Tensor) =>
        (tf.avgPool3d as Pool3)(z as tf.Tensor5D, size as never, strides as never, pad as never);
      const results = withGradient('maximum', x, maximum);
      return pad === 'valid'
        ? { ...results, ...withGradient('average', x, average) }
        : { ...results, average: average(x) };
    });
  });
});

/** Of an operation that is linear in its image, the gradient of element i is the response to the i-th unit image. */
function expectGradientOfLinear(operation: (z: tf.Tensor4D) => tf.Tensor, shape: [number, number, number, number]) {
  const ones = tf.ones<tf.Rank.R4>(shape);
  const weight = values(operation(ones).shape, 5);
  const response = (z: tf.Tensor4D): tf.Scalar => tf.sum(tf.mul(operation(z), weight));
  const gradient = tf
    .grad((z) => response(z as tf.Tensor4D))(ones)
    .dataSync();
  for (const index of gradient.keys()) {
    const unit = tf.tensor4d(
      Float32Array.from({ length: ones.size }, (_, position) => (position === index ? 1 : 0)),
      shape,
    );
    expect(gradient[index]).toBeCloseTo(response(unit).dataSync()[0]!, 5);
  }
}

describe('average pooling under padding', () => {
  it.each([
    ['same', 3, 2],
    ['same', 2, 1],
    [2, 2, 1],
  ] as const)('has the gradient of its value: padding %j, size %j, strides %j', (pad, size, strides) => {
    expectGradientOfLinear((z) => tf.avgPool(z, size, strides, pad), [1, 4, 5, 2]);
  });
});

describe.each(memories)('convolutions of images, %s memory', (memory) => {
  const c = channelsFor(memory);
  const image = (seed: number) => laidOut(values([2, 7, 9, c], seed), memory) as tf.Tensor4D;

  it.each([
    [1, 'same', 1],
    [2, 'same', 1],
    [2, 'valid', 1],
    [1, 'same', 2],
    [1, 'valid', 1],
    [3, 'valid', 1],
  ] as const)('depthwise, strides %i, padding %s, dilation %i', async (strides, pad, dilation) => {
    await expectLikeCpu(
      () => {
        const x = image(3);
        const filter = values([3, 3, c, 2], 4) as tf.Tensor4D;
        const run = (z: tf.Tensor, w: tf.Tensor) =>
          tf.depthwiseConv2d(z as tf.Tensor4D, w as tf.Tensor4D, strides, pad, 'NHWC', dilation);
        const results: Record<string, tf.Tensor> = { value: run(x, filter) };
        if (dilation > 1) return results;
        const weight = values(results.value!.shape, 5);
        const [dx, dw] = tf.grads((z, w) => tf.sum(tf.mul(run(z!, w!), weight)))([x, filter]);
        return { ...results, dx: dx!, dw: dw! };
      },
      { absolute: 2e-5 },
    );
  });

  it('fused with bias and activation, and separable', async () => {
    await expectLikeCpu(
      () => {
        const x = image(6);
        const filter = values([3, 3, c, 6], 7) as tf.Tensor4D;
        const bias = values([6], 8) as tf.Tensor1D;
        const depth = values([3, 3, c, 2], 9) as tf.Tensor4D;
        const depthBias = values([2 * c], 10) as tf.Tensor1D;
        const results: Record<string, tf.Tensor> = {
          separable: tf.separableConv2d(x, depth, values([1, 1, 2 * c, 4], 11) as tf.Tensor4D, 1, 'same'),
        };
        for (const activation of ['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu', 'prelu'] as const) {
          const common = { x, strides: 1, pad: 'same', activation, leakyreluAlpha: 0.1 } as const;
          const slope = values([6], 12);
          const conv = { ...common, filter, bias, preluActivationWeights: slope };
          results[`conv ${activation}`] = tf.fused.conv2d(conv);
          const depthSlope = values([2 * c], 13);
          results[`depthwise ${activation}`] = tf.fused.depthwiseConv2d({
            ...common,
            filter: depth,
            bias: depthBias,
            preluActivationWeights: depthSlope,
          });
        }
        results.scalarBias = tf.fused.conv2d({ x, filter, strides: 2, pad: 'valid', bias: tf.scalar(0.5) as never });
        const gradient = (w: tf.Tensor) =>
          tf.sum(tf.fused.conv2d({ x, filter: w as tf.Tensor4D, bias, strides: 1, pad: 'same', activation: 'relu' }));
        results.fusedFilterGradient = tf.grad(gradient)(filter);
        return results;
      },
      { absolute: 2e-5 },
    );
  });
});

describe('convolutions of images', () => {
  it('channel first, value and gradients', async () => {
    await expectLikeCpu(
      () => {
        const x = values([2, 3, 6, 5], 1) as tf.Tensor4D;
        const filter = values([3, 3, 3, 4], 2) as tf.Tensor4D;
        const run = (z: tf.Tensor, w: tf.Tensor) => tf.conv2d(z as tf.Tensor4D, w as tf.Tensor4D, 1, 'same', 'NCHW');
        const weight = values([2, 4, 6, 5], 3);
        const [dx, dw] = tf.grads((z, w) => tf.sum(tf.mul(run(z!, w!), weight)))([x, filter]);
        const fused = tf.fused.conv2d({
          x,
          filter,
          strides: 1,
          pad: 'same',
          dataFormat: 'NCHW',
          activation: 'relu',
        });
        return { value: run(x, filter), dx: dx!, dw: dw!, fused };
      },
      { absolute: 1e-5 },
    );
  });

  it('pooling keeps whole numbers', async () => {
    await expectLikeCpu(() => {
      const x = tf.cast(values([1, 5, 5, 2], 1, 9), 'int32') as tf.Tensor4D;
      return { maximum: tf.maxPool(x, 2, 2, 'valid') };
    });
  });
});

describe.each(memories)('batch normalisation and resizing, %s memory', (memory) => {
  const c = channelsFor(memory);
  const image = (seed: number) => laidOut(values([2, 6, 7, c], seed), memory) as tf.Tensor4D;

  it('normalises by given statistics', async () => {
    await expectLikeCpu(
      () => {
        const x = image(1);
        const [mean, offset, scale] = [2, 3, 4].map((seed) => values([c], seed)) as [tf.Tensor, tf.Tensor, tf.Tensor];
        const variance = tf.add(values([c], 5), 1);
        const run = (z: tf.Tensor, m: tf.Tensor, v: tf.Tensor) =>
          tf.batchNorm(z, m as tf.Tensor1D, v as tf.Tensor1D, offset as tf.Tensor1D, scale as tf.Tensor1D, 1e-3);
        const weight = values(x.shape, 6);
        const gradients = tf.grads((z, m, v) => tf.sum(tf.mul(run(z!, m!, v!), weight)))([x, mean, variance]);
        return {
          value: run(x, mean, variance),
          rows: tf.batchNorm(
            tf.reshape(x, [84, c]) as tf.Tensor2D,
            mean as tf.Tensor1D,
            variance as tf.Tensor1D,
            offset as tf.Tensor1D,
          ),
          plain: tf.batchNorm(x, mean as tf.Tensor1D, variance as tf.Tensor1D),
          fullSize: tf.batchNorm(x, values(x.shape, 7) as tf.Tensor4D, tf.abs(values(x.shape, 8)) as tf.Tensor4D),
          dx: gradients[0]!,
          dMean: gradients[1]!,
          dVariance: gradients[2]!,
        };
      },
      { absolute: 2e-5, relative: 1e-4 },
    );
  });

  it.each([[[12, 14]], [[3, 5]], [[1, 1]], [[9, 7]]] as const)('resizes to %j', async (size) => {
    await expectLikeCpu(() => {
      // One square image: the CPU backend's gradients mix up height and width, and misplace the second image.
      const x = laidOut(values([1, 7, 7, c], 9), memory);
      const target = [...size] as [number, number];
      const bilinear = (corners: boolean, half: boolean) => (z: tf.Tensor) =>
        tf.image.resizeBilinear(z as tf.Tensor4D, target, corners, half);
      const nearest = (corners: boolean, half: boolean) => (z: tf.Tensor) =>
        tf.image.resizeNearestNeighbor(z as tf.Tensor4D, target, corners, half);
      return {
        ...withGradient('bilinear', x, bilinear(false, false)),
        ...withGradient('bilinear, corners', x, bilinear(true, false)),
        ...withGradient('nearest', x, nearest(false, false)),
        ...withGradient('nearest, corners', x, nearest(true, false)),
        // The CPU backend's gradients leave half-pixel centres out.
        bilinearHalf: bilinear(false, true)(x),
        nearestHalf: nearest(false, true)(x),
      };
    });
  });
});

describe('resizing', () => {
  it.each([
    ['resizeBilinear', false, true],
    ['resizeNearestNeighbor', false, true],
    ['resizeBilinear', true, false],
    ['resizeNearestNeighbor', false, false],
  ] as const)('%s, corners aligned %s, half-pixel centres %s: the gradient of its value', (name, corners, half) => {
    expectGradientOfLinear((z) => tf.image[name](z, [5, 7], corners, half), [2, 3, 2, 1]);
  });
});
