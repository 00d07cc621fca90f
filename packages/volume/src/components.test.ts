import { describe, expect, it } from 'vitest';
import { maskOf, readFixture } from '../test/fixtures.js';
import { connectedComponents, largestComponent } from './components.js';
import type { Triple } from './triple.js';

const cases =
  await readFixture<{ shape: Triple; mask: string; labels: Record<'6' | '18' | '26', number[]> }[]>('components.json');

describe('connectedComponents against scipy.ndimage.label', () => {
  it.each([6, 18, 26] as const)('%i neighbours', (connectivity) => {
    for (const { shape, mask, labels } of cases) {
      const truth = labels[connectivity];
      const found = connectedComponents(maskOf(mask), shape, connectivity);
      expect([...found.labels]).toEqual(truth);
      expect(found.count).toBe(Math.max(...truth));
      expect([...found.sizes]).toEqual(
        Array.from({ length: found.count + 1 }, (_, n) => truth.filter((label) => label === n).length),
      );
    }
  });
});

it('joins more provisional labels than fit its first table', () => {
  // A comb: 3000 teeth that only the last row joins.
  const width = 6000;
  const comb = Uint8Array.from({ length: 2 * width }, (_, index) => (index >= width || index % 2 === 0 ? 1 : 0));
  expect(connectedComponents(comb, [1, 2, width], 6).count).toBe(1);
  expect(connectedComponents(comb.subarray(0, width), [1, 1, width], 26).count).toBe(3000);
});

it('largestComponent keeps the first of the largest', () => {
  const mask = Uint8Array.of(3, 0, 5, 5, 0, 7, 7);
  expect([...largestComponent(mask, [1, 1, 7])]).toEqual([0, 0, 1, 1, 0, 0, 0]);
  expect([...largestComponent(new Uint8Array(4), [1, 2, 2])]).toEqual([0, 0, 0, 0]);
});
