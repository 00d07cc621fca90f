import { createCpuBackend } from '@dinomix/backend-cpu';
import { createOps, type LossInputs, type LossViewTensors, type Ops } from '@dinomix/trainer';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { evaluateDiceCe } from './dice-ce.js';
import { optionsSchema } from './options.js';

const SHAPE = [2, 1, 2, 3] as const;
const CLASSES = 3;
const VOXELS = 12;
const LOGITS = Float32Array.from({ length: VOXELS * CLASSES }, (_, index) => 2 * Math.sin(1.7 * index + 0.3));
const LABELS = [0, 1, 2, 0, 1, 1, 2, 0, 0, 1, 2, 1];
const CLASS_WEIGHTS = [0.5, 2, 3];

let ops: Ops;
beforeAll(async () => {
  await createCpuBackend().setup({ device: 'cpu', threads: null });
  ops = createOps();
});

function view(name: LossViewTensors['name'], logits: tf.Tensor, voxelWeight: readonly number[]): LossViewTensors {
  const constant = (values: readonly number[]): tf.Tensor => tf.tensor([...values], [...SHAPE]);
  return {
    name,
    crops: () => [],
    heads: {},
    image: tf.zeros([...SHAPE, 1]),
    logits,
    features: {},
    target: tf.tensor(LABELS, [...SHAPE], 'int32'),
    voxelWeight: constant(voxelWeight),
    truth: constant(voxelWeight.map((weight) => (weight === 1 ? 1 : 0))),
    confidence: constant(voxelWeight.map(() => 1)),
    pseudo: null,
    tokens: {},
  };
}

const logitsOf = (values: ArrayLike<number>): tf.Tensor => tf.tensor(Float32Array.from(values), [...SHAPE, CLASSES]);
const ONES = LABELS.map(() => 1);
const HALVES = LABELS.map((_, index) => (index % 3 === 0 ? 0.5 : 1));

function input(views: readonly LossViewTensors[], classWeights: readonly number[] | null): LossInputs {
  return {
    studentId: 'net',
    views: Object.fromEntries(views.map((one) => [one.name, one])),
    classWeights: classWeights === null ? null : tf.tensor1d([...classWeights]),
  };
}

/** The formulas of method.md §4.0 voxel by voxel, in double precision. */
function reference(
  logits: ArrayLike<number>,
  voxelWeight: readonly number[],
  ceWeights: number[],
  diceWeights: number[],
) {
  const sums = { ce: 0, norm: 0, tp: [0, 0, 0], fp: [0, 0, 0], fn: [0, 0, 0] };
  LABELS.forEach((label, voxel) => {
    const exponentials = [0, 1, 2].map((c) => Math.exp(logits[voxel * CLASSES + c]!));
    const total = exponentials.reduce((a, b) => a + b);
    const m = voxelWeight[voxel]!;
    sums.ce -= m * ceWeights[label]! * Math.log(exponentials[label]! / total);
    sums.norm += ceWeights[label]!;
    exponentials.forEach((value, c) => {
      const p = value / total;
      if (c === label) sums.tp[c]! += m * p;
      if (c !== label) sums.fp[c]! += m * p;
      if (c === label) sums.fn[c]! += m * (1 - p);
    });
  });
  const dice = [1, 2].map((c) => {
    const doubled = 2 * sums.tp[c]! + 1;
    return (diceWeights[c]! * doubled) / (doubled + sums.fp[c]! + sums.fn[c]!);
  });
  return { ce: sums.ce / sums.norm, dice: 1 - (dice[0]! + dice[1]!) / 2 };
}

const NEUTRAL = [1, 1, 1];
const run = (inputs: LossInputs, given: Parameters<typeof optionsSchema.parse>[0] = {}) =>
  evaluateDiceCe(inputs, ops, optionsSchema.parse(given));

describe('value', () => {
  it('is the sum over the views, the mixed one weighted by voxel', () => {
    const logits = logitsOf(LOGITS);
    const result = run(input([view('labelled', logits, ONES), view('mixed-labelled', logits, HALVES)], null));
    const clean = reference(LOGITS, ONES, NEUTRAL, NEUTRAL);
    const mixed = reference(LOGITS, HALVES, NEUTRAL, NEUTRAL);
    expect(result!.parts!.labelled!.dataSync()[0]).toBeCloseTo(clean.ce + clean.dice, 5);
    expect(result!.parts!['mixed-labelled']!.dataSync()[0]).toBeCloseTo(mixed.ce + mixed.dice, 5);
    expect(result!.value.dataSync()[0]).toBeCloseTo(clean.ce + clean.dice + mixed.ce + mixed.dice, 5);
  });

  it.each([
    ['both', CLASS_WEIGHTS, CLASS_WEIGHTS],
    ['cross-entropy', CLASS_WEIGHTS, NEUTRAL],
    ['none', NEUTRAL, NEUTRAL],
  ] as const)('with class weights on %s', (classWeights, onCe, onDice) => {
    const inputs = input([view('labelled', logitsOf(LOGITS), ONES)], CLASS_WEIGHTS);
    const expected = reference(LOGITS, ONES, [...onCe], [...onDice]);
    const found = run(inputs, { classWeights, crossEntropy: 2, dice: 3 })!.value.dataSync()[0];
    expect(found).toBeCloseTo(2 * expected.ce + 3 * expected.dice, 5);
  });

  it('of uniform logits is ln k plus the Dice of 1 / k', () => {
    const expected = reference(new Float32Array(VOXELS * CLASSES), ONES, NEUTRAL, NEUTRAL);
    expect(expected.ce).toBeCloseTo(Math.log(3), 12);
    const found = run(input([view('labelled', logitsOf(new Float32Array(VOXELS * CLASSES)), ONES)], null));
    expect(found!.value.dataSync()[0]).toBeCloseTo(Math.log(3) + expected.dice, 5);
  });

  it('is null where no view of it exists', () => {
    expect(run(input([], null))).toBeNull();
  });

  it('is finite at extreme logits', () => {
    const extreme = Float32Array.from(LOGITS, (value) => (value > 0 ? 1e4 : -1e4));
    const { value, grad } = tf.valueAndGrad((logits) => run(input([view('labelled', logits, ONES)], null))!.value)(
      logitsOf(extreme),
    );
    expect(Number.isFinite(value.dataSync()[0])).toBe(true);
    expect([...grad.dataSync()].every(Number.isFinite)).toBe(true);
  });
});

it('the gradient agrees with central differences of the formula', () => {
  const total = (logits: ArrayLike<number>): number => {
    const clean = reference(logits, ONES, [...CLASS_WEIGHTS], [...CLASS_WEIGHTS]);
    const mixed = reference(logits, HALVES, [...CLASS_WEIGHTS], [...CLASS_WEIGHTS]);
    return clean.ce + clean.dice + mixed.ce + mixed.dice;
  };
  const loss = (logits: tf.Tensor): tf.Tensor =>
    run(input([view('labelled', logits, ONES), view('mixed-labelled', logits, HALVES)], CLASS_WEIGHTS))!.value;
  const found = tf.grad(loss)(logitsOf(LOGITS)).dataSync();
  LOGITS.forEach((value, index) => {
    const at = (step: number): number => total(Float64Array.from(LOGITS).with(index, value + step));
    expect(found[index]).toBeCloseTo((at(1e-5) - at(-1e-5)) / 2e-5, 5);
  });
});
