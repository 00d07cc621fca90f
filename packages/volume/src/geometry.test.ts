import { describe, expect, it } from 'vitest';
import { expectClose, expectFailure, readFixture } from '../test/fixtures.js';
import {
  type Affine,
  affineDifference,
  affineFromQuaternion,
  applyAffine,
  determinantOf,
  formatAffine,
  invertAffine,
  multiplyAffine,
  quaternionOf,
  regridAffine,
} from './geometry.js';
import { assertSameGrid } from './same-grid.js';
import { createGrid } from './volume.js';

const { cases, rotations } = await readFixture<{
  cases: { affine: Affine }[];
  rotations: { quaternion: [number, number, number, number]; matrix: number[][] }[];
}>('orientation.json');

describe('matrices', () => {
  it('invert, multiply and apply agree', () => {
    for (const { affine } of cases) {
      const identity = multiplyAffine(invertAffine(affine), affine);
      expectClose(identity.flat(), [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1], 1e-12);
      const world = applyAffine(affine, [3, -2, 7]);
      expectClose(applyAffine(invertAffine(affine), world), [3, -2, 7], 1e-10);
    }
  });

  it('have the determinant worked out by hand', () => {
    const affine: Affine = [
      [2, 1, 0, 9],
      [0, 3, 1, 9],
      [1, 0, 4, 9],
      [0, 0, 0, 1],
    ];
    // 2 * (3 * 4 - 1 * 0) - 1 * (0 * 4 - 1 * 1) + 0 = 25
    expect(determinantOf(affine)).toBe(25);
    expect(applyAffine(affine, [1, 2, 3])).toEqual([13, 18, 22]);
  });

  it('regridAffine puts voxel 0 and the next one where the old grid has them', () => {
    const { affine } = cases[0]!;
    const changed = regridAffine(affine, [1.5, -2, 4], [2, 0.5, 3]);
    // Order z, y, x: voxel (i, j, k) = (1, 1, 1) lies at x = 4 + 3, y = -2 + 0.5, z = 1.5 + 2 of the old grid.
    expectClose(applyAffine(changed, [1, 1, 1]), applyAffine(affine, [7, -1.5, 3.5]), 1e-12);
  });

  it('are compared element by element, NaN being no agreement', () => {
    const { affine } = cases[0]!;
    const broken = [[Number.NaN, 0, 0, 0], ...affine.slice(1)] as unknown as Affine;
    expect(affineDifference(affine, affine)).toBe(0);
    expect(affineDifference(affine, broken)).toBeNaN();
  });

  it('print as three lines', () => {
    expect(
      formatAffine([
        [1, 0, 0.25, -90],
        [0, 1, 0, 0],
        [0, 0, 1 / 3, 0],
        [0, 0, 0, 1],
      ]),
    ).toBe('  [1, 0, 0.25, -90]\n  [0, 1, 0, 0]\n  [0, 0, 0.3333333, 0]');
  });
});

describe('quaternions against nibabel', () => {
  it('become its rotation matrices, scaled and flipped', () => {
    for (const { quaternion, matrix } of rotations) {
      const [, b, c, d] = quaternion;
      const affine = affineFromQuaternion({ b, c, d, handedness: -1 }, [3, 2, 0.5], [7, 8, 9])!;
      const truth = matrix.map((row) => [row[0]! * 0.5, row[1]! * 2, row[2]! * -3]);
      expectClose(
        affine.slice(0, 3).flatMap((row) => row.slice(0, 3)),
        truth.flat(),
        1e-12,
      );
      expect(affine.slice(0, 3).map((row) => row[3])).toEqual([7, 8, 9]);
      const again = quaternionOf(affine);
      expectClose([again.b, again.c, again.d, again.handedness], [b, c, d, -1], 1e-12);
    }
  });

  it('of half turns have no real part', () => {
    for (const flips of [
      [1, -1, -1],
      [-1, 1, -1],
      [-1, -1, 1],
    ] as const) {
      const affine: Affine = [
        [flips[0], 0, 0, 0],
        [0, flips[1], 0, 0],
        [0, 0, flips[2], 0],
        [0, 0, 0, 1],
      ];
      const { b, c, d } = quaternionOf(affine);
      expect([b, c, d].map(Math.abs)).toEqual(flips.map((sign) => (sign === 1 ? 1 : 0)));
    }
  });

  it('that are too long are none', () => {
    expect(affineFromQuaternion({ b: 1, c: 0.1, d: 0, handedness: 1 }, [1, 1, 1], [0, 0, 0])).toBeUndefined();
  });
});

it('assertSameGrid names both files, shapes and matrices', async () => {
  const names = { first: 'img.nii', second: 'label.nii' };
  const grid = createGrid([2, 3, 4], [3, 1, 1]);
  assertSameGrid(grid, createGrid([2, 3, 4], [3.0005, 1, 1]), names);
  const taller = createGrid([3, 3, 4], [3, 1, 1]);
  await expectFailure(
    () => assertSameGrid(grid, taller, names),
    'DMX_VOLUME_GRID',
    'label.nii: ',
    '[3,3,4]',
    '[2,3,4]',
    'img.nii',
  );
  const moved = createGrid([2, 3, 4], [3.1, 1, 1]);
  await expectFailure(() => assertSameGrid(grid, moved, names), 'DMX_VOLUME_GRID', 'label.nii: ', '3.1', 'img.nii');
});
