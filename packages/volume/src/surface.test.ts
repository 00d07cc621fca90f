import { describe, expect, it } from 'vitest';
import { maskOf, readFixture } from '../test/fixtures.js';
import { extractSurface, surfaceDistances } from './surface.js';
import type { Triple } from './triple.js';

interface Truth {
  shape: Triple;
  first: string;
  second: string;
  surfaces: { spacing: Triple | null; asd: number; asdBack: number; hd: number; hd95: number }[];
  secondBorder: Record<'6' | '18' | '26', number>;
}
const truth = await readFixture<Truth>('surfaces.json');
const [first, second] = [maskOf(truth.first), maskOf(truth.second)];

const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length;

// NumPy's default percentile: linear between the two nearest ranks.
function percentile(values: number[], fraction: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = fraction * (sorted.length - 1);
  const low = sorted[Math.floor(rank)]!;
  return low + (rank % 1) * (sorted[Math.ceil(rank)]! - low);
}

describe('against MedPy and scipy', () => {
  it.each(truth.surfaces)('surface distances at $spacing', ({ spacing, ...expected }) => {
    const found = surfaceDistances(first, second, truth.shape, spacing === null ? {} : { spacing })!;
    expect(mean(found.firstToSecond)).toBeCloseTo(expected.asd, 12);
    expect(mean(found.secondToFirst)).toBeCloseTo(expected.asdBack, 12);
    const both = [...found.firstToSecond, ...found.secondToFirst];
    expect(Math.max(...both)).toBeCloseTo(expected.hd, 12);
    expect(percentile(both, 0.95)).toBeCloseTo(expected.hd95, 12);
  });

  it.each([6, 18, 26] as const)('surface voxels at %i neighbours, also at the border', (connectivity) => {
    const surface = extractSurface(second, truth.shape, connectivity);
    expect(surface.reduce((sum, value) => sum + value, 0)).toBe(truth.secondBorder[connectivity]);
  });
});

it('a solid cube has a hollow surface', () => {
  const cube = new Uint8Array(27).fill(4);
  const surface = extractSurface(cube, [3, 3, 3]);
  expect(surface[13]).toBe(0);
  expect(surface.reduce((sum, value) => sum + value, 0)).toBe(26);
});

it('has no distances where a mask is empty', () => {
  expect(surfaceDistances(first, new Uint8Array(first.length), truth.shape)).toBeUndefined();
});

it('counts every value that is not 0, of any element type', () => {
  const far = surfaceDistances(Float32Array.of(0.5, 0, 0, 0), Int16Array.of(0, 0, 0, -300), [1, 1, 4], {
    spacing: [1, 1, 2],
  })!;
  expect([...far.firstToSecond, ...far.secondToFirst]).toEqual([6, 6]);
});
