import { describe, expect, it } from 'vitest';
import { expectClose, maskOf, readFixture } from '../test/fixtures.js';
import { distanceTransform } from './distance-transform.js';
import { createRng } from './rng.js';
import type { Triple } from './triple.js';

const cases =
  await readFixture<{ shape: Triple; mask: string; spacing: Triple; distances: number[] }[]>('distances.json');

describe('distanceTransform', () => {
  it.each(cases)(
    'equals scipy.ndimage.distance_transform_edt at $spacing mm',
    ({ shape, mask, spacing, distances }) => {
      expectClose(distanceTransform(maskOf(mask), shape, { spacing }), distances, 1e-14);
      const squared = distanceTransform(maskOf(mask), shape, { spacing, squared: true });
      expectClose(
        squared,
        distances.map((distance) => distance ** 2),
        1e-14,
      );
    },
  );

  it('equals the search over all voxels on thin and sparse shapes', () => {
    const rng = createRng({ seed: 3, stream: 'distance-test' });
    for (const shape of [
      [1, 1, 17],
      [13, 1, 1],
      [1, 9, 8],
      [5, 6, 7],
    ] as Triple[]) {
      const spacing: Triple = [rng.uniform(0.3, 4), rng.uniform(0.3, 4), rng.uniform(0.3, 4)];
      const mask = Uint8Array.from({ length: shape[0] * shape[1] * shape[2] }, () => (rng.chance(0.97) ? 1 : 0));
      mask[rng.integer(0, mask.length)] = 0;
      expectClose(distanceTransform(mask, shape, { spacing, squared: true }), searched(mask, shape, spacing), 1e-13);
    }
  });

  it('is infinite without background and zero without foreground', () => {
    expect([...distanceTransform(Uint8Array.of(1, 1), [1, 2, 1])]).toEqual([Infinity, Infinity]);
    expect([...distanceTransform(new Uint8Array(2), [1, 1, 2])]).toEqual([0, 0]);
  });

  it('writes into the memory that it is given', () => {
    const out = new Float64Array(3).fill(-1);
    expect(distanceTransform(Int32Array.of(0, -4, 9), [3, 1, 1], { spacing: [2, 1, 1], out })).toBe(out);
    expect([...out]).toEqual([0, 2, 4]);
  });

  it('takes well under a second for 80 x 160 x 160 voxels', () => {
    const shape: Triple = [80, 160, 160];
    const mask = new Uint8Array(80 * 160 * 160).fill(1);
    for (let index = 0; index < mask.length; index += 4001) mask[index] = 0;
    const start = performance.now();
    distanceTransform(mask, shape, { spacing: [3, 0.8, 0.8] });
    // About 0.08 s alone on one core; the bound leaves room for a busy machine.
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

function searched(mask: Uint8Array, shape: Triple, spacing: Triple): number[] {
  const places: [number, number, number][] = [];
  for (let z = 0; z < shape[0]; z++) {
    for (let y = 0; y < shape[1]; y++) {
      for (let x = 0; x < shape[2]; x++) places.push([z * spacing[0], y * spacing[1], x * spacing[2]]);
    }
  }
  const zeros = places.filter((_, index) => mask[index] === 0);
  return places.map((place) =>
    Math.min(...zeros.map((zero) => (zero[0] - place[0]) ** 2 + (zero[1] - place[1]) ** 2 + (zero[2] - place[2]) ** 2)),
  );
}
