import type { CaseResult, ClassInfo } from '@dinomix/core';
import { describe, expect, it } from 'vitest';
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
