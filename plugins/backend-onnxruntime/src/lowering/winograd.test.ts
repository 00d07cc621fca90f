import { describe, expect, it } from 'vitest';
import { BIAS_COMPONENT, TRANSFORMS } from './winograd.js';

const times = (matrix: readonly (readonly number[])[], vector: readonly number[]): number[] =>
  matrix.map((row) => row.reduce((sum, value, index) => sum + value * vector[index]!, 0));

describe.each([1, 2, 4] as const)('F(%i, 3)', (r) => {
  const { input, filter, output } = TRANSFORMS[r];

  it('is the sliding sum of three products', () => {
    const d = Array.from({ length: r + 2 }, (_, index) => Math.sin(3 * index + 1));
    const g = [0.7, -1.3, 2.1];
    const products = times(input, d).map((value, index) => value * times(filter, g)[index]!);
    const expected = Array.from({ length: r }, (_, k) => g.reduce((sum, tap, i) => sum + tap * d[k + i]!, 0));
    times(output, products).forEach((value, index) => {
      expect(value).toBeCloseTo(expected[index]!, 12);
    });
  });

  it('carries a bias of one component into every output', () => {
    expect(output.map((row) => row[BIAS_COMPONENT])).toEqual(new Array(r).fill(1));
  });
});
