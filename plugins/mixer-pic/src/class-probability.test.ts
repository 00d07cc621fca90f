import { describe, expect, it } from 'vitest';
import { classProbabilities, rarity, tailDistribution, uniformShare } from './class-probability.js';
import { optionsSchema } from './options.js';

const options = (given: Parameters<typeof optionsSchema.parse>[0] = {}) => optionsSchema.parse(given);
/** Liver, pancreas and adrenal gland as in a long-tailed abdomen. */
const FREQUENCIES = [1000, 100, 1];
const CURRICULA = ['linear', 'quadratic', 'cosine'] as const;
const PROGRESS = Array.from({ length: 21 }, (_, index) => index / 20);
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function expectClose(found: readonly number[], expected: readonly number[]): void {
  expect(found).toHaveLength(expected.length);
  for (const [index, value] of expected.entries()) expect(found[index]).toBeCloseTo(value, 12);
}

describe('rarity', () => {
  it('is the logarithmic position between the most and the least frequent class', () => {
    expectClose(rarity(FREQUENCIES), [0, 1 / 3, 1]);
    expectClose(rarity(FREQUENCIES.map((count) => count / 7)), [0, 1 / 3, 1]);
  });

  it('is 0 where all classes are equally frequent', () => {
    expect(rarity([5, 5])).toEqual([0, 0]);
  });
});

describe('tail distribution', () => {
  it('is (q + ε) over its sum', () => {
    // 0.05, 0.38333.., 1.05 of 1.48333..
    expectClose(tailDistribution(FREQUENCIES, options()), [0.05 / (89 / 60), 23 / 60 / (89 / 60), 1.05 / (89 / 60)]);
  });

  it('sharpens with the exponent', () => {
    const [liver, , adrenal] = tailDistribution(FREQUENCIES, options({ exponent: 2 }));
    expect(adrenal! / liver!).toBeCloseTo((1.05 / 0.05) ** 2, 8);
  });

  it('is n^(-1/2) or exp(q / T) where asked', () => {
    const root = tailDistribution([100, 25, 4], options({ tail: 'inverse-root' }));
    expectClose(root, [0.1 / 0.8, 0.2 / 0.8, 0.5 / 0.8]);
    const [liver, , adrenal] = tailDistribution(FREQUENCIES, options({ tail: 'softmax', temperature: 0.25 }));
    expect(adrenal! / liver!).toBeCloseTo(Math.exp(4), 8);
  });
});

describe('curriculum', () => {
  it.each(CURRICULA)(
    '%s starts at the tail distribution, ends uniform, and is monotone for each class',
    (curriculum) => {
      const course = PROGRESS.map((r) => classProbabilities(FREQUENCIES, r, options({ curriculum })));
      expectClose(course[0]!, tailDistribution(FREQUENCIES, options()));
      expectClose(course.at(-1)!, [1 / 3, 1 / 3, 1 / 3]);
      for (const probabilities of course) expect(sum(probabilities)).toBeCloseTo(1, 12);
      for (const classIndex of [0, 1, 2]) {
        const steps = course.slice(1).map((one, index) => one[classIndex]! - course[index]![classIndex]!);
        expect(steps.every((step) => step >= 0) || steps.every((step) => step <= 0)).toBe(true);
      }
      const adrenal = course.map((one) => one[2]!);
      expect(adrenal).toEqual([...adrenal].sort((a, b) => b - a));
    },
  );

  it('has the stated shapes', () => {
    expect(uniformShare(0.5, options())).toBe(0.5);
    expect(uniformShare(0.5, options({ curriculum: 'quadratic' }))).toBe(0.25);
    expect(uniformShare(0.25, options({ curriculum: 'cosine' }))).toBeCloseTo((1 - Math.SQRT1_2) / 2, 12);
    expect(uniformShare(0.4, options({ curriculumLength: 0.8 }))).toBe(0.5);
    expect(uniformShare(0.9, options({ curriculumLength: 0.8 }))).toBe(1);
  });

  it('stays where it is for the ablations', () => {
    expect(PROGRESS.map((r) => uniformShare(r, options({ curriculum: 'tail' })))).toEqual(PROGRESS.map(() => 0));
    expect(PROGRESS.map((r) => uniformShare(r, options({ curriculum: 'uniform' })))).toEqual(PROGRESS.map(() => 1));
  });
});
