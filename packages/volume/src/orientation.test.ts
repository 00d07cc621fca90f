import { describe, expect, it } from 'vitest';
import { expectClose, expectFailure, readFixture } from '../test/fixtures.js';
import type { Affine } from './geometry.js';
import { orientationOf, planReorientation, reorient, undoReorientation } from './orientation.js';
import type { Triple } from './triple.js';
import { createVolume } from './volume.js';

interface Case {
  affine: Affine;
  codes: string;
  canonicalAffine: Affine;
  canonicalShape: Triple;
  canonicalData: number[];
}
const { cases } = await readFixture<{ cases: Case[] }>('orientation.json');
const counting = Int16Array.from({ length: 24 }, (_, index) => index);

describe('against nibabel, on 24 oblique and sheared grids', () => {
  it('orientationOf gives the codes of aff2axcodes', () => {
    expect(cases.map(({ affine }) => orientationOf(affine))).toEqual(cases.map(({ codes }) => codes));
  });

  it('reorient gives as_closest_canonical, and undoReorientation the source exactly', () => {
    for (const truth of cases) {
      const volume = createVolume({ data: counting, shape: [4, 3, 2], affine: truth.affine });
      const plan = planReorientation(volume);
      const turned = reorient(volume, plan);
      expect(turned.shape).toEqual(truth.canonicalShape);
      expect([...turned.data]).toEqual(truth.canonicalData);
      expectClose(turned.affine.flat(), truth.canonicalAffine.flat(), 1e-12);
      expect(undoReorientation(turned, plan)).toEqual(volume);
    }
  });
});

it('reaches each of the 48 orientations, and back through JSON', () => {
  const volume = createVolume({ data: counting, shape: [4, 3, 2], spacing: [3, 2, 1] });
  const axes = [
    ['R', 'L'],
    ['A', 'P'],
    ['S', 'I'],
  ] as const;
  let count = 0;
  for (const [first, second, third] of [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ] as const) {
    for (let signs = 0; signs < 8; signs++) {
      const codes = axes[first][signs & 1]! + axes[second][(signs >> 1) & 1]! + axes[third][(signs >> 2) & 1]!;
      const plan = JSON.parse(JSON.stringify(planReorientation(volume, codes))) as ReturnType<typeof planReorientation>;
      const turned = reorient(volume, plan);
      expect(orientationOf(turned.affine)).toBe(codes);
      expect(undoReorientation(turned, plan)).toEqual(volume);
      count++;
    }
  }
  expect(count).toBe(48);
});

it('moves every element size', () => {
  const shape: Triple = [2, 1, 2];
  for (const data of [Uint8Array.of(1, 2, 3, 4), Float32Array.of(1.5, 2, -3, 4), Float64Array.of(1.1, 2, 3, 4)]) {
    const volume = createVolume({ data, shape });
    expect(reorient(volume, planReorientation(volume, 'LAI')).data).toEqual(data.slice().reverse());
  }
});

it('refuses codes and shapes that do not fit', async () => {
  const volume = createVolume({ data: counting, shape: [4, 3, 2] });
  for (const codes of ['RAX', 'RLS', 'RA', 'ras']) {
    await expectFailure(() => planReorientation(volume, codes), 'DMX_VOLUME_ARGUMENT', `"${codes}"`);
  }
  const other = createVolume({ data: counting, shape: [2, 3, 4] });
  await expectFailure(() => reorient(other, planReorientation(volume)), 'DMX_VOLUME_ARGUMENT', '[2,3,4]', '[4,3,2]');
});
