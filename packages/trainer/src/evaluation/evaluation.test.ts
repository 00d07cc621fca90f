import type { CaseResult, ClassInfo } from '@dinomix/core';
import { createGrid } from '@dinomix/volume';
import { describe, expect, it } from 'vitest';
import { aggregateRuns } from './aggregate.js';
import { onMetricGrid, presence } from './evaluate.js';
import { cutSlice } from './slices.js';
import { summarise } from './summarise.js';

const classes = ['background', 'liver', 'adrenal', 'spleen'].map(
  (name, index): ClassInfo => ({ index, name, colour: [0, 0, 0], tail: name === 'adrenal' }),
);
const columns = [
  { name: 'dice', title: 'Dice', unit: 'ratio', better: 'higher' },
  { name: 'asd', title: 'ASD', unit: 'mm', better: 'lower' },
] as const;

describe('summaries', () => {
  const result = (caseId: string, dice: (number | null)[], asd: (number | null)[]): CaseResult => {
    return { caseId, role: 'test', values: { dice, asd }, seconds: 1 };
  };

  it('average cases, then foreground classes, and leave out what is not defined', () => {
    const cases = [
      result('a', [null, 0.9, 0.2, null], [null, 1, 5, null]),
      result('b', [null, 0.7, null, null], [null, 3, null, null]),
    ];
    const report = summarise('test', columns, cases, classes, 'ema');
    expect(report.perClass.dice).toEqual([null, 0.8, 0.2, null]);
    expect(report.mean).toEqual({ dice: 0.5, asd: 3.5 });
    expect(report.tail).toEqual({ dice: 0.2, asd: 5 });
    expect(report).toMatchObject({ role: 'test', weights: 'ema', cases, columns });
  });

  it('of nothing are null', () => {
    expect(summarise('test', columns, [], classes, 'ema').mean).toEqual({ dice: null, asd: null });
  });
});

describe('the grid that metrics compare on', () => {
  const grid = createGrid([2, 4, 4], [3, 2, 1]);
  const [prediction, reference] = [0, 1].map((more) => Uint8Array.from({ length: 32 }, (_, index) => index + more));

  it('takes every second voxel of twice as many, and twice the spacing', () => {
    const compared = onMetricGrid(grid, prediction!, reference!, [1, 2, 2]);
    expect([...compared.prediction]).toEqual([0, 2, 8, 10]);
    expect([...compared.reference]).toEqual([1, 3, 9, 11]);
    expect(compared.grid).toMatchObject({ shape: [1, 2, 2], spacing: [6, 4, 2] });
  });

  it('is the working grid where the data set names none', () => {
    expect(onMetricGrid(grid, prediction!, reference!, null)).toEqual({ grid, prediction, reference });
  });
});

describe('collapsed classes', () => {
  // Liver: found in b only. Adrenal: present in both, never right. Spleen: predicted, nowhere present.
  const pairs = [
    [Uint8Array.of(0, 0, 3), Uint8Array.of(1, 2, 0)],
    [Uint8Array.of(1, 1, 3), Uint8Array.of(1, 2, 0)],
  ] as const;
  const cases = pairs.map(([prediction, reference]): CaseResult => {
    const values = { dice: [null, 0, 0, 0], asd: [null, 1, 1, 1] };
    return { caseId: 'a', role: 'test', values, seconds: 1, ...presence(prediction, reference, 4) };
  });

  it('are those that are present and have not one voxel right in any case', () => {
    expect(summarise('test', columns, cases, classes, 'ema').collapsed).toEqual([2]);
    expect(summarise('test', columns, [cases[0]!], classes, 'ema').collapsed).toEqual([1, 2]);
  });

  it('are not known of results that do not say it', () => {
    const { present: _, ...unknown } = cases[0]!;
    expect(summarise('test', columns, [cases[1]!, unknown], classes, 'ema').collapsed).toBeUndefined();
  });
});

describe('several runs', () => {
  it('have the mean of their scores and the population standard deviation, as the published rows', () => {
    // SKCDF on Synapse 20 %: 64.27±1.36 of runs rounded to 64.79, 65.62, 62.40. numpy.std of these: 1.36501526.
    const reports = [64.79, 65.62, 62.4].map((dice) => {
      const values = { dice: [null, dice, null, null], asd: [null, null, null, null] };
      const result: CaseResult = { caseId: 'a', role: 'test', values, seconds: 1 };
      return summarise('test', columns, [result], classes, 'ema');
    });
    const { runs, mean, perClass, tail, collapsed } = aggregateRuns(reports);
    expect(runs).toBe(3);
    expect(mean.dice!.mean).toBeCloseTo(64.27, 2);
    expect(mean.dice!.std).toBeCloseTo(1.36501526, 8);
    expect(perClass.dice![1]).toBeCloseTo(64.27, 2);
    expect(mean.asd).toEqual({ mean: null, std: null });
    expect(tail.dice).toEqual({ mean: null, std: null });
    expect(collapsed).toEqual([null, null, null]);
  });
});

describe('slices', () => {
  it('show where most classes are, as grey values between black and white', () => {
    const reference = new Uint8Array(3 * 2 * 2);
    reference.set([1, 1, 1, 1], 4);
    reference.set([1, 2, 0, 0], 8);
    const image = Float32Array.from({ length: 12 }, (_, index) => index / 8);
    const slice = cutSlice({
      caseId: 'a',
      shape: [3, 2, 2],
      spacing: [3, 2, 1],
      image,
      prediction: new Uint8Array(12).fill(2),
      reference,
      preprocessing: { orientation: 'RAS', grid: { kind: 'keep' }, normalisation: { steps: [], display: [1, 1.25] } },
    });
    expect(slice).toMatchObject({ caseId: 'a', sliceIndex: 2, shape: [2, 2], spacing: [2, 1], orientation: 'RAS' });
    expect([...Buffer.from(slice.image, 'base64')]).toEqual([0, 128, 255, 255]);
    expect([...Buffer.from(slice.prediction, 'base64')]).toEqual([2, 2, 2, 2]);
    expect([...Buffer.from(slice.reference!, 'base64')]).toEqual([1, 2, 0, 0]);
  });
});
