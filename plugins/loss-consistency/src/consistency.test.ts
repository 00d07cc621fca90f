import { createCpuBackend } from '@dinomix/backend-cpu';
import type { ViewName } from '@dinomix/core';
import { createOps, type LossInputs, type LossViewTensors } from '@dinomix/trainer';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { evaluateConsistency } from './consistency.js';
import { optionsSchema } from './options.js';

await createCpuBackend().setup({ device: 'cpu', threads: null });
const ops = createOps();

const SHAPE = [1, 1, 2, 3] as const;
const VOXELS = 6;
const CLASSES = 3;
const wave = (seed: number): Float32Array =>
  Float32Array.from({ length: VOXELS * CLASSES }, (_, index) => 2 * Math.sin(1.7 * index + seed));
const FIRST = wave(0.3);
const SECOND = wave(2.1);

/** Softmax rows in double precision. */
function softmaxRows(logits: ArrayLike<number>): number[][] {
  return Array.from({ length: logits.length / CLASSES }, (_, voxel) => {
    const exponentials = [0, 1, 2].map((c) => Math.exp(logits[voxel * CLASSES + c]!));
    const total = exponentials.reduce((a, b) => a + b);
    return exponentials.map((value) => value / total);
  });
}

const TAUGHT = softmaxRows(wave(4));
const LABELS = TAUGHT.map((row) => row.indexOf(Math.max(...row)));
const CONFIDENCE = TAUGHT.map((row) => Math.max(...row));
const TRUTH = [1, 0, 0, 1, 0, 0];
const MIX_WEIGHT = TRUTH.map((truth) => (truth === 1 ? 1 : 0.5));

const grid = (values: readonly number[]): tf.Tensor => tf.tensor([...values], [...SHAPE]);
const logitsOf = (values: ArrayLike<number>): tf.Tensor => tf.tensor(Float32Array.from(values), [...SHAPE, CLASSES]);

function view(name: ViewName, logits: tf.Tensor): LossViewTensors {
  const mixed = name.startsWith('mixed');
  const label = tf.tensor(LABELS, [...SHAPE], 'int32');
  const probabilities = logitsOf(TAUGHT.flat());
  return {
    name,
    crops: () => [],
    heads: {},
    image: tf.zeros([...SHAPE, 1]),
    logits,
    features: {},
    target: name === 'labelled' ? tf.zerosLike(label) : label,
    voxelWeight: grid(mixed ? MIX_WEIGHT : TRUTH.map(() => (name === 'labelled' ? 1 : 0.5))),
    truth: grid(mixed ? TRUTH : TRUTH.map(() => (name === 'labelled' ? 1 : 0))),
    confidence: grid(CONFIDENCE.map((value, voxel) => (mixed && TRUTH[voxel] === 1 ? 1 : value))),
    pseudo: mixed ? null : { label, confidence: grid(CONFIDENCE), probabilities, weight: null, maps: {} },
    tokens: {},
  };
}

function input(views: Partial<Record<ViewName, tf.Tensor>>, classWeights: readonly number[] | null = null): LossInputs {
  const names = Object.keys(views) as ViewName[];
  return {
    studentId: 'net',
    views: Object.fromEntries(names.map((name) => [name, view(name, views[name]!)])),
    classWeights: classWeights === null ? null : tf.tensor1d([...classWeights]),
  };
}

type Given = z.input<typeof optionsSchema>;
const run = (inputs: LossInputs, given: Given) => evaluateConsistency(inputs, ops, optionsSchema.parse(given));
const lossOf = (inputs: LossInputs, given: Given): number => run(inputs, given)!.value.dataSync()[0]!;

/** Cross-entropy by its definition; targets are rows of probabilities. */
function crossEntropy(rows: number[][], targets: number[][], weights: readonly number[]): number {
  const losses = rows.map((row, v) => -weights[v]! * row.reduce((sum, p, c) => sum + targets[v]![c]! * Math.log(p), 0));
  return losses.reduce((a, b) => a + b) / rows.length;
}

/** 1 - mean foreground soft Dice by its definition. */
function diceLoss(rows: number[][], targets: number[][], weights: readonly number[]): number {
  const dice = [1, 2].map((c) => {
    const over = (value: (v: number) => number): number => rows.reduce((sum, _, v) => sum + weights[v]! * value(v), 0);
    const overlap = over((v) => rows[v]![c]! * targets[v]![c]!);
    return (2 * overlap + 1) / (over((v) => rows[v]![c]!) + over((v) => targets[v]![c]!) + 1);
  });
  return 1 - (dice[0]! + dice[1]!) / 2;
}

const HARD = LABELS.map((label) => [0, 1, 2].map((c) => (c === label ? 1 : 0)));
const ONES = LABELS.map(() => 1);

describe('value', () => {
  it('on mixed views takes the mixed target with the weights of the plan', () => {
    const rows = softmaxRows(FIRST);
    const expected = crossEntropy(rows, HARD, MIX_WEIGHT) + diceLoss(rows, HARD, MIX_WEIGHT);
    expect(lossOf(input({ 'mixed-unlabelled': logitsOf(FIRST) }), {})).toBeCloseTo(expected, 5);
  });

  it('on the labelled view takes the teacher’s word, and joins both views as one batch', () => {
    // CPS of method.md §4.0: CE(A, b) on the full batch.
    const views = { labelled: logitsOf(FIRST), unlabelled: logitsOf(SECOND) };
    const rows = [...softmaxRows(FIRST), ...softmaxRows(SECOND)];
    const given: Given = { views: ['labelled', 'unlabelled'] };
    const targets = [...HARD, ...HARD];
    const weights = [...ONES, ...ONES];
    expect(lossOf(input(views), { ...given, dice: 0 })).toBeCloseTo(crossEntropy(rows, targets, weights), 5);
    expect(lossOf(input(views), { ...given, crossEntropy: 0 })).toBeCloseTo(diceLoss(rows, targets, weights), 5);
  });

  it('joins clean and mixed views with their own weights', () => {
    const views = { unlabelled: logitsOf(FIRST), 'mixed-unlabelled': logitsOf(SECOND) };
    const rows = [...softmaxRows(FIRST), ...softmaxRows(SECOND)];
    const expected = crossEntropy(rows, [...HARD, ...HARD], [...ONES, ...MIX_WEIGHT]);
    expect(lossOf(input(views), { views: ['unlabelled', 'mixed-unlabelled'], dice: 0 })).toBeCloseTo(expected, 5);
  });

  it('against probabilities where asked', () => {
    const rows = softmaxRows(FIRST);
    const inputs = input({ unlabelled: logitsOf(FIRST) });
    const given: Given = { views: ['unlabelled'], dice: 0 };
    expect(lossOf(inputs, { ...given, target: 'soft' })).toBeCloseTo(crossEntropy(rows, TAUGHT, ONES), 5);
    const squares = rows.flatMap((row, v) => row.map((p, c) => (p - TAUGHT[v]![c]!) ** 2));
    const mean = squares.reduce((a, b) => a + b) / squares.length;
    expect(lossOf(inputs, { ...given, crossEntropy: 0, squaredError: 2 })).toBeCloseTo(2 * mean, 6);
  });

  it('is over the voxels that count where asked, as in UA-MT', () => {
    // Σ_v m Σ_c (p - q)² / (2 Σ_v m + 1e-16), with weights of selectors.
    const rows = softmaxRows(FIRST);
    const weight = [1, 0, 1, 0.5, 0, 1];
    const inputs = input({ unlabelled: logitsOf(FIRST) });
    const view = inputs.views.unlabelled!;
    const selected = { ...view, pseudo: { ...view.pseudo!, weight: grid(weight) } };
    const squares = rows.map((row, v) => row.reduce((sum, p, c) => sum + (p - TAUGHT[v]![c]!) ** 2, 0));
    const total = squares.reduce((sum, value, v) => sum + weight[v]! * value, 0);
    const given: Given = { views: ['unlabelled'], dice: 0, crossEntropy: 0, squaredError: 1, normalise: 'kept' };
    const found = lossOf({ ...inputs, views: { unlabelled: selected } }, given);
    expect(found).toBeCloseTo(total / (2 * 3.5), 6);
    const nothing = { ...view, pseudo: { ...view.pseudo!, weight: grid(weight.map(() => 0)) } };
    expect(lossOf({ ...inputs, views: { unlabelled: nothing } }, given)).toBe(0);
  });

  it('counts class weights in the cross-entropy alone where asked', () => {
    const inputs = input({ unlabelled: logitsOf(FIRST) }, [0.5, 2, 3]);
    const rows = softmaxRows(FIRST);
    const own = LABELS.map((label) => [0.5, 2, 3][label]!);
    const weighted = (crossEntropy(rows, HARD, own) * VOXELS) / own.reduce((a, b) => a + b);
    const found = lossOf(inputs, { views: ['unlabelled'], classWeights: 'cross-entropy' });
    expect(found).toBeCloseTo(weighted + diceLoss(rows, HARD, ONES), 5);
  });

  it('is null without a teacher’s word', () => {
    expect(run(input({}), {})).toBeNull();
    const silent = { ...view('unlabelled', logitsOf(FIRST)), pseudo: null };
    expect(run({ ...input({}), views: { unlabelled: silent } }, { views: ['unlabelled'] })).toBeNull();
  });
});

describe('threshold', () => {
  const threshold = [...CONFIDENCE].sort((a, b) => a - b)[3]! - 1e-4;

  it('leaves out pseudo-labels below it, never ground truth, and keeps the mean over all voxels', () => {
    const weights = MIX_WEIGHT.map((weight, v) => (TRUTH[v] === 1 || CONFIDENCE[v]! >= threshold ? weight : 0));
    const result = run(input({ 'mixed-unlabelled': logitsOf(FIRST) }), { dice: 0, threshold })!;
    expect(result.value.dataSync()[0]).toBeCloseTo(crossEntropy(softmaxRows(FIRST), HARD, weights), 5);
    const passed = weights.filter((weight) => weight > 0).length;
    expect(passed).toBeGreaterThanOrEqual(3);
    expect(passed).toBeLessThan(VOXELS);
    expect(result.parts!.confident!.dataSync()[0]).toBeCloseTo(passed / VOXELS, 6);
  });

  it('may differ by class', () => {
    const perClass = [0, 1, 0];
    const weights = LABELS.map((label, v) => (CONFIDENCE[v]! >= perClass[label]! ? 1 : 0));
    const found = lossOf(input({ unlabelled: logitsOf(FIRST) }), {
      views: ['unlabelled'],
      dice: 0,
      threshold: perClass,
    });
    expect(weights).toContain(0);
    expect(found).toBeCloseTo(crossEntropy(softmaxRows(FIRST), HARD, weights), 5);
    expect(() => lossOf(input({ 'mixed-unlabelled': logitsOf(FIRST) }), { threshold: [0.5] })).toThrow(
      '1 thresholds for 3 classes',
    );
  });
});

describe('gradient', () => {
  it.each<[string, Given]>([
    ['cross-entropy and Dice', { views: ['unlabelled'] }],
    ['soft targets', { views: ['unlabelled'], target: 'soft', threshold: 0.6 }],
    ['squared error', { views: ['unlabelled'], crossEntropy: 0, dice: 0, squaredError: 1, threshold: 0.6 }],
  ])('of %s agrees with central differences of the formula', (_, given) => {
    const options = optionsSchema.parse(given);
    const gate = CONFIDENCE.map((value) => (value >= (options.threshold === null ? 0 : 0.6) ? 1 : 0));
    const targets = options.target === 'soft' ? TAUGHT : HARD;
    const formula = (logits: ArrayLike<number>): number => {
      const rows = softmaxRows(logits);
      const squares = rows.map((row, v) => gate[v]! * row.reduce((sum, p, c) => sum + (p - TAUGHT[v]![c]!) ** 2, 0));
      return (
        options.crossEntropy * crossEntropy(rows, targets, gate) +
        options.dice * diceLoss(rows, targets, gate) +
        (options.squaredError * squares.reduce((a, b) => a + b)) / (VOXELS * CLASSES)
      );
    };
    const found = tf
      .grad((x) => run(input({ unlabelled: x }), given)!.value)(logitsOf(FIRST))
      .dataSync();
    FIRST.forEach((value, index) => {
      const at = (step: number): number => formula(Float64Array.from(FIRST).with(index, value + step));
      expect(found[index]).toBeCloseTo((at(1e-5) - at(-1e-5)) / 2e-5, 5);
    });
  });
});

describe('options', () => {
  it('refuse probabilities on mixed views, and no term at all', () => {
    const messages = (given: unknown): string =>
      optionsSchema
        .safeParse(given)
        .error!.issues.map((i) => i.message)
        .join();
    expect(messages({ target: 'soft' })).toContain('Expected clean views with target "soft"');
    expect(messages({ squaredError: 1 })).toContain('found mixed-unlabelled');
    expect(messages({ crossEntropy: 0, dice: 0 })).toContain('at least one of');
  });
});
