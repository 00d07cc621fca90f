import { readFileSync } from 'node:fs';
import { createCpuBackend } from '@dinomix/backend-cpu';
import type { Index3, ParameterSpec } from '@dinomix/core';
import {
  createOps,
  createPass,
  type Ops,
  type StudentNetwork,
  type StudentPass,
  type TensorMap,
} from '@dinomix/trainer';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { noise } from '../test/noise.js';
import { optionsSchema } from './options.js';
import { buildVnet } from './vnet.js';

interface TwinCase {
  readonly options: {
    readonly classes: number;
    readonly filters: number;
    readonly levels: number;
    readonly encoder: number[];
    readonly decoder: number[];
    readonly norm: 'batch' | 'group' | 'instance';
    readonly slope: number;
    readonly skip: 'add' | 'concat';
  };
  readonly shape: [number, number, number, number];
  readonly training: boolean;
  readonly logits: readonly number[];
  readonly features: Readonly<
    Record<string, { readonly shape: readonly number[]; readonly values: readonly number[] }>
  >;
  readonly running?: { readonly mean: readonly number[]; readonly variance: readonly number[] };
}

const { cases } = JSON.parse(readFileSync(new URL('../test/fixtures/twin.json', import.meta.url), 'utf8')) as {
  cases: TwinCase[];
};

let ops: Ops;
beforeAll(async () => {
  await createCpuBackend().setup({ device: 'cpu', threads: null });
  ops = createOps();
});

function build(
  given: Parameters<typeof optionsSchema.parse>[0],
  classCount = 2,
  patch: Index3 = [16, 16, 32],
): StudentNetwork {
  return buildVnet({ id: 'vnet', ops, inputChannels: 1, classCount, patch }, optionsSchema.parse(given));
}

/** Weights by the rule of make-fixtures.py: numbers of a hash, seeded by the place of the unit. */
function twinWeights(parameters: readonly ParameterSpec[]): TensorMap {
  const seeds = new Map<string, number>();
  const parts = ['filter', 'bias', 'scale', 'offset', 'mean', 'variance'];
  const entries = parameters.map(({ name, shape }) => {
    const unit = name.slice(0, name.lastIndexOf('.'));
    const part = name.slice(unit.length + 1);
    if (!seeds.has(unit)) seeds.set(unit, seeds.size * 10);
    const size = shape.reduce((product, side) => product * side, 1);
    const values = noise(seeds.get(unit)! + 1 + parts.indexOf(part), size);
    const [taps, a, b] = [shape.slice(0, 3).reduce((product, side) => product * side, 1), shape[3]!, shape[4]!];
    const fan = name.includes('.up.') ? b : a * taps;
    const scale = part === 'filter' ? Math.sqrt(24 / fan) : 1;
    const shift = part === 'scale' || part === 'variance' ? 1 : 0;
    return [
      name,
      tf.tensor(
        Float32Array.from(values, (value) => shift + value * scale),
        [...shape],
      ),
    ] as const;
  });
  return Object.fromEntries(entries);
}

function pass(training: boolean, updates: Record<string, tf.Tensor> = {}): StudentPass {
  const updateBuffer = (name: string, value: tf.Tensor) => {
    updates[name] = value;
  };
  const plain = createPass('vnet', training, tf.zeros([4]), { updateBuffer });
  return { ...plain, dropoutKey: (place) => tf.tensor1d([place.length, 1, 2, 3]) };
}

/** Largest distance to the expected numbers, as a share of their largest magnitude. */
function relativeError(found: ArrayLike<number>, expected: readonly number[]): number {
  expect(found.length).toBe(expected.length);
  const scale = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((value, index) => Math.abs(found[index]! - value))) / scale;
}

const everyNth = (tensor: tf.Tensor, step: number): number[] =>
  [...tensor.dataSync()].filter((_, index) => index % step === 0);

describe('the PyTorch twin', () => {
  it.each(cases.map((one) => [`${one.options.norm}, training ${one.training}`, one] as const))(
    'gives the same logits and features: %s',
    (_, { options, shape, training, logits, features, running }) => {
      const { classes, encoder, decoder, slope, ...rest } = options;
      const more = { encoderConvs: encoder, decoderConvs: decoder, negativeSlope: slope, groups: 2, dropout: 0 };
      const network = build({ ...rest, ...more }, classes, [shape[1], shape[2], shape[3]]);
      const size = shape.reduce((product, side) => product * side, 1);
      const image = tf.tensor(
        Float32Array.from(noise(999, size), (value) => value * 2),
        [...shape, 1],
      );
      const updates: Record<string, tf.Tensor> = {};
      const result = network.forward(image, twinWeights(network.parameters), pass(training, updates));
      expect(result.logits.shape).toEqual([...shape, classes]);
      expect(relativeError(everyNth(result.logits, 37), logits)).toBeLessThan(2e-5);
      expect(Object.keys(result.features).sort()).toEqual(Object.keys(features).sort());
      for (const [name, expected] of Object.entries(features)) {
        const found = result.features[name]!;
        expect(found.shape).toEqual(expected.shape);
        const step = Math.floor(found.size / 30) | 1;
        expect(relativeError(everyNth(found, step), expected.values)).toBeLessThan(2e-5);
        expect(network.features[name]!.channels).toBe(found.shape[4]);
        expect(network.features[name]!.stride).toEqual([1, 2, 3].map((axis) => shape[axis]! / found.shape[axis]!));
      }
      if (running === undefined) return;
      expect(relativeError(updates['encoder.2.down.mean']!.dataSync(), running.mean)).toBeLessThan(2e-5);
      expect(relativeError(updates['encoder.2.down.variance']!.dataSync(), running.variance)).toBeLessThan(2e-5);
    },
  );
});

describe('items of which only features are taken', () => {
  const given = { filters: 2, levels: 3, norm: 'instance', dropout: 0 } as const;
  const item = (view: 'labelled' | 'unlabelled', logits: boolean, features: readonly string[] | null) =>
    ({ view, count: 1, logits, features }) as const;
  const image = () => tf.tensor(Float32Array.from(noise(5, 2 * 8 * 8 * 8)), [2, 8, 8, 8, 1]);

  it('stop after it, and change nothing for the others', () => {
    const network = build(given, 2, [8, 8, 8]);
    const weights = twinWeights(network.parameters);
    const whole = network.forward(image(), weights, pass(true));
    const items = [item('labelled', true, []), item('unlabelled', false, ['x2'])];
    const early = network.forward(image(), weights, { ...pass(true), items });
    expect(early.logits.shape).toEqual([1, 8, 8, 8, 2]);
    const first = tf.slice(whole.logits, [0, 0, 0, 0, 0], [1, -1, -1, -1, -1]);
    expect([...early.logits.dataSync()]).toEqual([...first.dataSync()]);
    expect([...early.features.x2!.dataSync()]).toEqual([...whole.features.x2!.dataSync()]);
    expect(Object.entries(early.features).map(([name, { shape }]) => [name, shape[0]])).toEqual([
      ['x1', 2],
      ['x2', 2],
      ['x3', 1],
      ['x4', 1],
      ['x5', 1],
    ]);
  });

  it.each([
    ['where any feature may be read', [item('labelled', true, []), item('unlabelled', false, null)]],
    ['where nobody takes logits', [item('labelled', false, ['x1']), item('unlabelled', false, ['x1'])]],
  ])('go on %s', (_, items) => {
    const network = build(given, 2, [8, 8, 8]);
    const { logits } = network.forward(image(), twinWeights(network.parameters), { ...pass(true), items });
    expect(logits.shape[0]).toBe(2);
  });
});

describe('dropout', () => {
  it('drops whole channels of the coarsest feature in training, and none in evaluation', () => {
    const network = build({ filters: 4, levels: 2, dropoutAt: ['x2'], negativeSlope: 0.5 }, 2, [4, 4, 4]);
    const weights = twinWeights(network.parameters);
    const image = tf.tensor(Float32Array.from(noise(5, 64)), [1, 4, 4, 4, 1]);
    const channels = (training: boolean): number[] => {
      const feature = network.forward(image, weights, pass(training)).features.x2!;
      return [...tf.max(tf.abs(feature), [0, 1, 2, 3]).dataSync()];
    };
    const dropped = channels(true).filter((value) => value === 0).length;
    expect(dropped).toBeGreaterThan(0);
    expect(dropped).toBeLessThan(8);
    expect(channels(false).filter((value) => value === 0)).toEqual([]);
    expect(channels(true)).toEqual(channels(true));
  });
});

describe('gradients', () => {
  it('agree with central differences along a random direction of every parameter', () => {
    // With a slope near 1 the kinks of the activation are too small to disturb the differences.
    const network = build({ filters: 2, levels: 2, norm: 'instance', negativeSlope: 0.95, dropout: 0 }, 2, [4, 4, 4]);
    const weights = twinWeights(network.parameters);
    const names = Object.keys(weights);
    const image = tf.tensor(Float32Array.from(noise(7, 64)), [1, 4, 4, 4, 1]);
    const mask = tf.tensor(Float32Array.from(noise(8, 128)), [1, 4, 4, 4, 2]);
    const value = (...tensors: tf.Tensor[]): tf.Scalar => {
      const given = Object.fromEntries(names.map((name, index) => [name, tensors[index]!]));
      return tf.sum(tf.mul(network.forward(image, given, pass(true)).logits, mask)) as tf.Scalar;
    };
    const { grads } = tf.valueAndGrads(value)(names.map((name) => weights[name]!));
    names.forEach((name, index) => {
      const direction = tf.tensor(Float32Array.from(noise(index + 50, weights[name]!.size)), weights[name]!.shape);
      const at = (step: number): number =>
        value(
          ...names.map((other) => (other === name ? tf.add(weights[name]!, tf.mul(direction, step)) : weights[other]!)),
        ).dataSync()[0]!;
      const difference = (at(4e-3) - at(-4e-3)) / 8e-3;
      const slope = tf.sum(tf.mul(grads[index]!, direction)).dataSync()[0]!;
      const scale = tf.norm(grads[index]!).dataSync()[0]! * tf.norm(direction).dataSync()[0]!;
      expect(Math.abs(slope - difference), name).toBeLessThan(3e-3 * scale + 1e-3);
    });
  });
});

it('inputs must be multiples of the coarsest stride', () => {
  expect(build({}).multiple).toEqual([16, 16, 16]);
  expect(build({ levels: 3 }).multiple).toEqual([4, 4, 4]);
});
