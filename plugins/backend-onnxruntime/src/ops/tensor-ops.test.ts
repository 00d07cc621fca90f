import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import {
  differentiate,
  errors,
  labels,
  relativeError,
  useEngine,
  useReference,
  values,
} from '../../test/engine-harness.js';
import {
  conv3d,
  type NormActivationOptions,
  normActivation,
  type SegmentationLossOptions,
  softmaxCrossEntropyDice,
} from './tensor-ops.js';

/** The textbook formula, in TensorFlow.js operations. */
function composedNorm(
  x: tf.Tensor,
  scale: tf.Tensor,
  offset: tf.Tensor,
  norm: string,
  groups: number,
  slope: number,
): tf.Tensor {
  const [n, d, h, w, c] = x.shape as [number, number, number, number, number];
  const view = norm === 'group' ? tf.reshape(x, [n, d, h, w, groups, c / groups]) : x;
  const axes = { instance: [1, 2, 3], batch: [0, 1, 2, 3], group: [1, 2, 3, 5] }[norm]!;
  const { mean, variance } = tf.moments(view, axes, true);
  const unit = tf.mul(tf.sub(view, mean), tf.rsqrt(tf.add(variance, 1e-5)));
  return tf.leakyRelu(tf.add(tf.mul(tf.reshape(unit, x.shape), scale), offset), slope);
}

const norms = (['instance', 'batch', 'group'] as const).flatMap((norm) =>
  [12, 32].map((channels) => ({ norm, channels, slope: 1 })),
);

describe('normActivation', () => {
  it.each([...norms, { norm: 'instance' as const, channels: 32, slope: 0.01 }])(
    '$norm over $channels channels, slope $slope: value and gradients',
    async ({ norm, channels, slope }) => {
      const shape = [2, 5, 6, 7, channels];
      const options = { norm, groups: 4, slope, training: true } satisfies NormActivationOptions;
      const weight = () => values(shape, 5);
      const inputs = () => [
        values(shape, 1),
        values([3, 3, 3, channels, channels], 2, 0.3),
        values([channels], 3),
        values([channels], 4),
      ];
      const program =
        (normalise: typeof composedNorm) => (x: tf.Tensor, w: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor) =>
          tf.sum(
            tf.mul(
              normalise(tf.conv3d(x as tf.Tensor5D, w as tf.Tensor5D, 1, 'same'), scale, offset, norm, 4, slope),
              weight(),
            ),
          );
      await useReference();
      const expected = differentiate(program(composedNorm) as never, inputs);
      await useEngine();
      const fused = program((x, scale, offset) => normActivation(x, { ...options, scale, offset }));
      const [value, ...gradients] = errors(differentiate(fused as never, inputs), expected);
      // The value is a sum of many terms of either sign: its own size says little.
      expect(value).toBeLessThan(1e-3);
      for (const error of gradients) expect(error).toBeLessThan(1e-5);
    },
  );

  it.each([12, 16])('keeps its digits when the mean is a thousand deviations away (%i channels)', async (channels) => {
    await useEngine();
    const deviations = values([1, 4, 8, 8, channels], 1);
    const shifted = tf.add(deviations, 1000);
    const plain = normActivation(deviations, { norm: 'instance', slope: 1, training: true }).dataSync();
    const far = normActivation(shifted, { norm: 'instance', slope: 1, training: true }).dataSync();
    // Adding 1000 rounds each value to 6e-5, about 2e-4 of a deviation; the naive E[x^2] - E[x]^2 is off by its whole size.
    expect(relativeError(far, plain)).toBeLessThan(5e-4);
  });

  // Planes large beside their filters: there the factor of a normalisation's gradient is left to the filters.
  it.each([
    ['instance', 1],
    ['batch', 2],
    ['group', 2],
  ] as const)('%s of %i samples between large convolutions of every kind: gradients', async (norm, batch) => {
    const inputs = () => [
      values([batch, 4, 24, 24, 16], 1),
      values([3, 3, 3, 16, 16], 2, 0.3),
      values([16], 3, 2),
      values([16], 4),
      values([2, 2, 2, 16, 16], 5, 0.3),
      values([2, 2, 2, 16, 16], 6, 0.3),
    ];
    const program = (normalise: typeof composedNorm) =>
      ((x: tf.Tensor5D, same: tf.Tensor5D, scale: tf.Tensor, offset: tf.Tensor, down: tf.Tensor5D, up: tf.Tensor5D) => {
        const first = normalise(tf.conv3d(x, same, 1, 'same'), scale, offset, norm, 4, 1);
        const half = normalise(tf.conv3d(first as tf.Tensor5D, down, 2, 'valid'), scale, offset, norm, 4, 1);
        const [b, d, h, w] = x.shape;
        const whole = tf.conv3dTranspose(half as tf.Tensor5D, up, [b, d, h, w, 16], 2, 'valid');
        return tf.sum(tf.mul(normalise(whole, scale, offset, norm, 4, 1), values(x.shape, 9)));
      }) as never;
    await useReference();
    const expected = differentiate(program(composedNorm), inputs);
    await useEngine();
    const options = { norm, groups: 4, slope: 1, training: true };
    const found = differentiate(
      program((x, scale, offset) => normActivation(x, { ...options, scale, offset })),
      inputs,
    );
    found.gradients.forEach((gradient, index) => {
      expect(relativeError(gradient, expected.gradients[index]!)).toBeLessThan(2e-5);
    });
  });

  it.each([
    ['instance', true],
    ['batch', true],
    // One mean for several channels leaves their differences.
    ['group', false],
  ] as const)('%s: a shift of a channel before it has no gradient: %s', async (norm, vanishes) => {
    await useEngine();
    const weight = values([2, 4, 8, 8, 16], 3);
    const options = { norm, slope: 0.1, training: true, ...(norm === 'group' ? { groups: 4 } : {}) };
    const gradient = tf.grad((bias) => {
      const x = conv3d(values([2, 4, 8, 8, 16], 1), values([3, 3, 3, 16, 16], 2), { bias, padding: 'same' });
      return tf.sum(tf.mul(normActivation(x, options), weight));
    })(values([16], 4));
    expect([...gradient.dataSync()].every((value) => value === 0)).toBe(vanishes);
  });

  it('updates running statistics as PyTorch does: unbiased variance, momentum on the new batch', async () => {
    await useEngine();
    const x = tf.tensor([1, 2, 3, 6], [2, 1, 1, 2, 1]);
    let updated: number[] = [];
    normActivation(x, {
      norm: 'batch',
      slope: 1,
      training: true,
      running: {
        mean: tf.tensor1d([10]),
        variance: tf.tensor1d([20]),
        momentum: 0.1,
        update: (mean, variance) => {
          updated = [mean.dataSync()[0]!, variance.dataSync()[0]!];
        },
      },
    });
    // Mean 3, squared deviations 4 + 1 + 0 + 9 = 14, unbiased variance 14/3.
    expect(updated[0]).toBeCloseTo(0.9 * 10 + 0.1 * 3, 5);
    expect(updated[1]).toBeCloseTo(0.9 * 20 + (0.1 * 14) / 3, 5);
  });

  it('normalises by running statistics outside training', async () => {
    await useEngine();
    const x = tf.tensor([1, -2], [1, 1, 1, 2, 1]);
    const running = { mean: tf.tensor1d([1]), variance: tf.tensor1d([4 - 1e-5]), update: () => undefined };
    const y = normActivation(x, {
      norm: 'batch',
      scale: tf.tensor1d([2]),
      offset: tf.tensor1d([0.5]),
      slope: 0.1,
      training: false,
      running,
    });
    // (1 - 1) / 2 * 2 + 0.5 and 0.1 ((-2 - 1) / 2 * 2 + 0.5).
    expect([...y.dataSync()]).toEqual([expect.closeTo(0.5, 6), expect.closeTo(-0.25, 6)]);
  });
});

/** The formula of the contract, in TensorFlow.js operations. */
function composedLoss(z: tf.Tensor, y: tf.Tensor, options: SegmentationLossOptions): tf.Tensor {
  const k = z.shape[z.rank - 1]!;
  const t = tf.cast(tf.oneHot(y as tf.Tensor1D, k), 'float32');
  const w = options.classWeights ?? tf.ones([k]);
  const m = tf.expandDims(options.voxelWeight ?? tf.ones(y.shape), -1);
  const axes = y.shape.map((_, axis) => axis);
  const logged = tf.mul(tf.mul(tf.mul(t, w), m), tf.logSoftmax(z));
  const ce = tf.div(tf.neg(tf.sum(logged)), tf.sum(tf.mul(t, w)));
  const p = tf.softmax(z);
  const overlap = tf.sum(tf.mul(m, tf.mul(p, t)), axes);
  const total = tf.add(tf.sum(tf.mul(m, p), axes), tf.sum(tf.mul(m, t), axes));
  const scores = tf.mul(w, tf.div(tf.add(tf.mul(overlap, 2), 1), tf.add(total, 1)));
  const dice = tf.sub(1, tf.mean(tf.slice(scores, [1], [k - 1])));
  return tf.add(tf.mul(ce, options.crossEntropy), tf.mul(dice, options.dice));
}

describe('softmaxCrossEntropyDice', () => {
  const classWeights = () => tf.tensor1d([0.5, 1, 2, 3, 0.1]);
  const voxelWeight = () => tf.add(values([2, 4, 5, 6], 9), 0.5);
  it.each([
    { name: 'plain', crossEntropy: 1, dice: 1, classes: false, voxels: false },
    { name: 'weighted classes and voxels', crossEntropy: 1, dice: 1, classes: true, voxels: true },
    { name: 'Dice alone', crossEntropy: 0, dice: 1, classes: false, voxels: true },
    { name: 'cross-entropy alone', crossEntropy: 1, dice: 0, classes: true, voxels: false },
  ])('$name: value and gradient', async ({ crossEntropy, dice, classes, voxels }) => {
    const options = () => ({
      crossEntropy,
      dice,
      ...(classes ? { classWeights: classWeights() } : {}),
      ...(voxels ? { voxelWeight: voxelWeight() } : {}),
    });
    const y = () => labels([2, 4, 5, 6], 7, 5);
    const inputs = () => [values([2, 4, 5, 6, 5], 1, 4)];
    await useReference();
    const expected = differentiate(((z: tf.Tensor) => tf.mul(2.5, composedLoss(z, y(), options()))) as never, inputs);
    await useEngine();
    const found = differentiate(
      ((z: tf.Tensor) => tf.mul(2.5, softmaxCrossEntropyDice(z, y(), options()))) as never,
      inputs,
    );
    for (const error of errors(found, expected)) expect(error).toBeLessThan(1e-5);
    // A one-hot soft target is the same loss by the other path.
    const soft = (z: tf.Tensor) => {
      const target = tf.cast(tf.oneHot(y() as tf.Tensor1D, 5), 'float32');
      return tf.mul(2.5, softmaxCrossEntropyDice(z, target, options()));
    };
    for (const error of errors(differentiate(soft as never, inputs), expected)) expect(error).toBeLessThan(1e-5);
  });

  it.each(['weights', 'voxels', 'kept'] as const)('divides the cross-entropy by %s', async (normalise) => {
    // Two voxels worked out by hand: losses log(1 + e + e²) and log(2 + e) - 1, class weights 2 and 3, voxel weights 1 and 0.5.
    const [first, second] = [Math.log(1 + Math.E + Math.E ** 2), Math.log(2 + Math.E) - 1];
    const expected = (2 * first + 1.5 * second) / { weights: 5, voxels: 2, kept: 3.5 }[normalise];
    await useEngine();
    const z = tf.tensor([1, 2, 3, 0, 1, 0], [1, 1, 1, 2, 3]);
    const hard = tf.tensor([0, 1], [1, 1, 1, 2], 'int32');
    const soft = tf.tensor([1, 0, 0, 0, 1, 0], [1, 1, 1, 2, 3]);
    const options = { crossEntropy: 1, dice: 0, normalise, voxelWeight: tf.tensor([1, 0.5], [1, 1, 1, 2]) };
    for (const y of [hard, soft]) {
      const loss = softmaxCrossEntropyDice(z, y, { ...options, classWeights: tf.tensor1d([2, 3, 5]) });
      expect(loss.dataSync()[0]).toBeCloseTo(expected, 5);
    }
  });

  it('is 0 where no voxel counts, and leaves Dice alone', async () => {
    await useEngine();
    const z = () => tf.tensor([1, 2, 3, 0, 1, 0], [1, 1, 1, 2, 3]);
    const y = tf.tensor([0, 1], [1, 1, 1, 2], 'int32');
    const classWeights = tf.tensor1d([0, 0, 5]);
    const entropy = (x: tf.Tensor) => softmaxCrossEntropyDice(x, y, { crossEntropy: 1, dice: 0, classWeights });
    expect(Math.abs(entropy(z()).dataSync()[0]!)).toBe(0);
    expect([...tf.grad(entropy)(z()).dataSync()].map(Math.abs)).toEqual([0, 0, 0, 0, 0, 0]);
    // 1 - 2.5 / (1 + p) with p = e² / (1 + e + e²) + 1 / (2 + e), for class 2 is nowhere.
    const dice = softmaxCrossEntropyDice(z(), y, { crossEntropy: 0, dice: 1, classWeights });
    expect(dice.dataSync()[0]).toBeCloseTo(-0.331783, 5);
  });

  it('stays finite at logits of 1e4', async () => {
    await useEngine();
    const z = tf.tensor([1e4, -1e4, 0, -1e4, 1e4, 0], [1, 1, 1, 2, 3]);
    const y = tf.tensor([0, 0], [1, 1, 1, 2], 'int32');
    const loss = softmaxCrossEntropyDice(z, y, { crossEntropy: 1, dice: 0 });
    // The first voxel costs nothing, the second the difference of its two logits.
    expect(loss.dataSync()[0]).toBeCloseTo(1e4, 1);
  });
});

it('adds the bias of a convolution in the same operation', async () => {
  await useEngine();
  const x = tf.ones([1, 3, 3, 3, 16]);
  const filter = tf.ones([3, 3, 3, 16, 16]);
  const bias = tf.range(0, 16);
  const y = conv3d(x, filter, { bias, padding: 'same' });
  // The centre sees 27 taps of 16 channels, a corner 8.
  const data = tf.reshape(y, [27, 16]).arraySync() as number[][];
  expect(data[13]).toEqual(Array.from({ length: 16 }, (_, c) => 432 + c));
  expect(data[0]).toEqual(Array.from({ length: 16 }, (_, c) => 128 + c));
});
