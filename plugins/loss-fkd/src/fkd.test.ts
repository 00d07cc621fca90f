import { createCpuBackend } from '@dinomix/backend-cpu';
import type { ViewName } from '@dinomix/core';
import { createOps, type LossInputs, type LossSetup, type LossViewTensors, type TensorMap } from '@dinomix/trainer';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { featureDistance } from './distance.js';
import { createFkd, evaluateFkd } from './fkd.js';
import { optionsSchema } from './options.js';

await createCpuBackend().setup({ device: 'cpu', threads: null });
const ops = createOps();

type Given = z.input<typeof optionsSchema>;
const options = (given: Given = {}) => optionsSchema.parse(given);
const IN = 3;
const OUT = 4;
const FEATURE = [2, 2, 2, 2, IN] as const;
const TOKENS = [2, 2, 2, 2, OUT] as const;
const wave = (seed: number, shape: readonly number[]): tf.Tensor => {
  const size = shape.reduce((product, side) => product * side, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, (_, index) => Math.sin(1.3 * index + seed)),
    [...shape],
  );
};

const setup: LossSetup = {
  studentId: 'net',
  model: {
    parameters: [],
    features: { x4: { channels: IN, stride: [8, 8, 8] }, x5: { channels: 6, stride: [16, 16, 16] } },
    multiple: [16, 16, 16],
    forward: () => {
      throw new Error('not called');
    },
  },
  classCount: 2,
  tokenChannels: { dinov3: OUT },
};

function view(name: ViewName, feature: tf.Tensor, tokens: tf.Tensor | null): LossViewTensors {
  const nothing = tf.zeros([1]);
  return {
    name,
    crops: () => [],
    heads: {},
    image: nothing,
    logits: nothing,
    features: { x4: feature },
    target: null,
    voxelWeight: nothing,
    truth: nothing,
    confidence: nothing,
    pseudo: null,
    tokens: tokens === null ? {} : { dinov3: tokens },
  };
}

/** What the loss gets, with its parameters beside. */
type StatedInputs = readonly [inputs: LossInputs, state: TensorMap];

function input(views: readonly LossViewTensors[], state: TensorMap): StatedInputs {
  const named = Object.fromEntries(views.map((one) => [one.name, one]));
  return [{ studentId: 'net', views: named, classWeights: null }, state];
}

/** Weights of the head with numbers of a sine. */
function weightsOf(given: Given = {}): TensorMap {
  const specs = createFkd(options(given)).parameters!(setup);
  return Object.fromEntries(specs.map(({ name, shape }, index) => [name, wave(index + 5, shape)]));
}

const run = ([inputs, state]: StatedInputs, given: Given = {}) => evaluateFkd(inputs, { ops, state }, options(given));

describe('parameters', () => {
  const specs = (given: Given) => createFkd(options(given)).parameters!(setup).map(({ name, shape }) => [name, shape]);

  it('are one 1x1x1 convolution from the feature to the tokens', () => {
    expect(specs({})).toEqual([
      ['projection.filter', [1, 1, 1, IN, OUT]],
      ['projection.bias', [OUT]],
    ]);
    expect(specs({ feature: 'x5' })[0]).toEqual(['projection.filter', [1, 1, 1, 6, OUT]]);
  });

  it('are two with batch normalisation between, or none', () => {
    expect(specs({ head: 'conv-norm-relu-conv', hidden: 7 })).toEqual([
      ['projection.0.filter', [1, 1, 1, IN, 7]],
      ['projection.0.bias', [7]],
      ['projection.0.scale', [7]],
      ['projection.0.offset', [7]],
      ['projection.1.filter', [1, 1, 1, 7, OUT]],
      ['projection.1.bias', [OUT]],
    ]);
    expect(specs({ distance: 'relation' })).toEqual([]);
  });

  it('name what is missing', () => {
    expect(() => specs({ teacher: 'dino' })).toThrow(
      'no teacher "dino" that gives tokens is in use; those that do: dinov3',
    );
    expect(() => specs({ feature: 'x6' })).toThrow('student "net" has no feature "x6"; it has x4, x5');
  });
});

describe('value', () => {
  it('projects every position by itself', () => {
    const [feature, tokens, weights] = [wave(0, FEATURE), wave(1, TOKENS), weightsOf()];
    const rows = tf.reshape(feature, [-1, IN]);
    const filter = tf.reshape(weights['projection.filter']!, [IN, OUT]);
    const projected = tf.reshape(tf.add(tf.matMul(rows, filter), weights['projection.bias']!), [...TOKENS]);
    const expected = featureDistance(projected, tokens, 'normalised-mse').dataSync()[0]!;
    expect(run(input([view('labelled', feature, tokens)], weights))!.value.dataSync()[0]).toBeCloseTo(expected, 6);
  });

  it('is the mean over the positions of all views', () => {
    const weights = weightsOf();
    const first = view('labelled', wave(0, FEATURE), wave(1, TOKENS));
    const second = view('unlabelled', wave(2, FEATURE), wave(3, TOKENS));
    const [a, b, both] = [[first], [second], [first, second]].map(
      (views) => run(input(views, weights))!.value.dataSync()[0]!,
    );
    expect(both).toBeCloseTo((a! + b!) / 2, 6);
  });

  it('brings tokens of another grid to that of the feature', () => {
    // A grid of 4 that is constant in cells of 2 becomes, halved, the grid of 2: position 2k + 0.5 lies between equals.
    const [feature, tokens, weights] = [wave(0, FEATURE), wave(1, TOKENS), weightsOf()];
    const twice = (x: tf.Tensor, axis: number): tf.Tensor =>
      tf.concat(
        tf.split(x, 2, axis).flatMap((half) => [half, half]),
        axis,
      );
    const fine = twice(twice(twice(tokens, 1), 2), 3);
    expect(fine.shape).toEqual([2, 4, 4, 4, OUT]);
    const [coarse, resized] = [tokens, fine].map(
      (given) => run(input([view('labelled', feature, given)], weights))!.value.dataSync()[0]!,
    );
    expect(resized).toBeCloseTo(coarse!, 6);
  });

  it('with relation compares without projection, also across channel counts', () => {
    const value = run(input([view('labelled', wave(0, FEATURE), wave(1, TOKENS))], {}), {
      distance: 'relation',
    })!.value;
    expect(value.shape).toEqual([]);
    expect(value.dataSync()[0]).toBeGreaterThan(0);
  });

  it('is null without tokens', () => {
    expect(run(input([view('labelled', wave(0, FEATURE), null)], weightsOf()))).toBeNull();
    expect(run(input([], weightsOf()))).toBeNull();
  });
});

describe.each(['linear', 'conv-norm-relu-conv'] as const)('gradient through %s', (head) => {
  const given: Given = { head };

  it('reaches the student and every weight of the head, and agrees with central differences', () => {
    const weights = weightsOf(given);
    const names = Object.keys(weights);
    const tokens = wave(1, TOKENS);
    const loss = (feature: tf.Tensor, ...tensors: tf.Tensor[]): tf.Tensor => {
      const own = Object.fromEntries(names.map((name, index) => [name, tensors[index]!]));
      return run(input([view('labelled', feature, tokens)], own), given)!.value;
    };
    const at = [wave(0, FEATURE), ...names.map((name) => weights[name]!)];
    const gradients = tf.grads(loss)(at);
    ['feature', ...names].forEach((name, which) => {
      const direction = wave(which + 20, at[which]!.shape);
      const moved = (step: number): number =>
        loss(
          ...(at.map((x, index) => (index === which ? tf.add(x, tf.mul(direction, step)) : x)) as [tf.Tensor]),
        ).dataSync()[0]!;
      const difference = (moved(2e-3) - moved(-2e-3)) / 4e-3;
      const slope = tf.sum(tf.mul(gradients[which]!, direction)).dataSync()[0]!;
      expect(slope, name).toBeCloseTo(difference, 3);
      // Batch normalisation takes a constant away, so that the bias before it has no effect.
      const reached = name === 'projection.0.bias' ? 0 : 1;
      expect(tf.max(tf.abs(gradients[which]!)).dataSync()[0]! > 1e-4 ? 1 : 0, name).toBe(reached);
    });
  });
});
