import { describe, expect, it } from 'vitest';
import { expectClose, expectFailure } from '../test/fixtures.js';
import { boundingBox, centreBox, copyBox, crop, flip, flipInPlace, pad } from './crop.js';
import { applyAffine } from './geometry.js';
import type { Triple } from './triple.js';
import { createVolume, voxelCount } from './volume.js';

const shape: Triple = [3, 4, 5];
const spacing: Triple = [3, 2, 1];
const volume = createVolume({ data: Int16Array.from({ length: 60 }, (_, index) => index), shape, spacing });
// The value of a voxel tells where it comes from; outside of the volume it is -1.
const valueAt = (z: number, y: number, x: number) =>
  z < 0 || y < 0 || x < 0 || z > 2 || y > 3 || x > 4 ? -1 : (z * 4 + y) * 5 + x;

describe('crop', () => {
  const offsets: Triple[] = [
    [0, 0, 0],
    [1, 2, 1],
    [-1, -2, -3],
    [2, 3, 4],
    [-2, 3, -1],
    [5, 0, 0],
    [0, 0, 9],
  ];
  it.each(offsets)('takes the box at %i, %i, %i', (...offset) => {
    const size: Triple = [2, 3, 4];
    const part = crop(volume, { offset, shape: size }, -1);
    const expected: number[] = [];
    for (let z = 0; z < 2; z++) {
      for (let y = 0; y < 3; y++)
        for (let x = 0; x < 4; x++) expected.push(valueAt(z + offset[0], y + offset[1], x + offset[2]));
    }
    expect([...part.data]).toEqual(expected);
    const [z, y, x] = offset;
    expectClose(applyAffine(part.affine, [1, 1, 1]), applyAffine(volume.affine, [x + 1, y + 1, z + 1]), 1e-12);
  });

  it('undoes pad', () => {
    const padded = pad(volume, [1, 0, 2], [0, 3, 1], 9);
    expect(padded.shape).toEqual([4, 7, 8]);
    expect(padded.data.reduce((count, value) => count + (value === 9 ? 1 : 0), 0)).toBe(4 * 7 * 8 - 60 + 1);
    expect(crop(padded, { offset: [1, 0, 2], shape })).toEqual(volume);
  });

  it('refuses fractions', async () => {
    await expectFailure(() => crop(volume, { offset: [0.5, 0, 0], shape }), 'DMX_VOLUME_ARGUMENT', '0.5');
  });

  it('centreBox rounds down, also outside of the volume', () => {
    expect(centreBox(volume, [1, 2, 2]).offset).toEqual([1, 1, 1]);
    expect(centreBox(volume, [4, 4, 8]).offset).toEqual([-1, 0, -2]);
  });

  it('copyBox overwrites all of the memory it is given', () => {
    const out = new Int16Array(voxelCount([1, 1, 7])).fill(77);
    copyBox(volume.data, shape, { offset: [0, 0, -1], shape: [1, 1, 7] }, out, -5);
    expect([...out]).toEqual([-5, 0, 1, 2, 3, 4, -5]);
  });
});

describe('flip', () => {
  it('reverses each choice of axes', () => {
    for (let choice = 0; choice < 8; choice++) {
      const axes = [(choice & 1) > 0, (choice & 2) > 0, (choice & 4) > 0] as const;
      const flipped = flip(volume, axes);
      const [z, y, x] = [0, 1, 3].map((at, axis) => (axes[axis] ? shape[axis]! - 1 - at : at)) as [
        number,
        number,
        number,
      ];
      expect(flipped.data[(0 * 4 + 1) * 5 + 3]).toBe(valueAt(z, y, x));
      expectClose(applyAffine(flipped.affine, [3, 1, 0]), applyAffine(volume.affine, [x, y, z]), 1e-12);
      const again = flip(flipped, axes);
      expect(again.data).toEqual(volume.data);
      expectClose(again.affine.flat(), volume.affine.flat(), 1e-12);
    }
  });

  it('in place changes the array itself', () => {
    const data = Uint8Array.of(1, 2, 3, 4, 5, 6);
    flipInPlace(data, [1, 2, 3], [false, true, false]);
    expect([...data]).toEqual([4, 5, 6, 1, 2, 3]);
  });
});

it('boundingBox is tight', () => {
  const mask = new Uint8Array(60);
  expect(boundingBox(mask, shape)).toBeUndefined();
  mask[(1 * 4 + 3) * 5 + 0] = 2;
  expect(boundingBox(mask, shape)).toEqual({ offset: [1, 3, 0], shape: [1, 1, 1] });
  mask[(2 * 4 + 1) * 5 + 4] = 1;
  expect(boundingBox(mask, shape)).toEqual({ offset: [1, 1, 0], shape: [2, 3, 5] });
});

describe('copyBox with flips', () => {
  const shape: Triple = [3, 4, 5];
  const data = Float32Array.from({ length: 60 }, (_, index) => index + 1);

  it.each([
    [
      [0, 0, 0],
      [3, 4, 5],
    ],
    [
      [1, 1, 2],
      [2, 2, 3],
    ],
    [
      [-1, 2, -2],
      [4, 4, 6],
    ],
  ] as const)('at %j of %j is the copy, flipped', (offset, size) => {
    for (let bits = 0; bits < 8; bits++) {
      const flips = [(bits & 4) > 0, (bits & 2) > 0, (bits & 1) > 0] as const;
      const count = size[0] * size[1] * size[2];
      const [expected, actual] = [new Float32Array(count), new Float32Array(count)];
      copyBox(data, shape, { offset, shape: size }, expected, -1);
      flipInPlace(expected, size, flips);
      copyBox(data, shape, { offset, shape: size }, actual, -1, flips);
      expect(actual).toEqual(expected);
    }
  });
});
