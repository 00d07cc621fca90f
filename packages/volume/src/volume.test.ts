import { expect, it } from 'vitest';
import { expectFailure } from '../test/fixtures.js';
import { affineFromSpacing } from './geometry.js';
import { createVolume, voxelAt } from './volume.js';

it('createVolume derives spacing from the affine and the affine from spacing', () => {
  const affine = [
    [0, 0, -3, 1],
    [2, 0, 0, 2],
    [0, 0.5, 0, 3],
    [0, 0, 0, 1],
  ] as const;
  expect(createVolume({ data: new Uint8Array(6), shape: [1, 2, 3], affine }).spacing).toEqual([3, 0.5, 2]);
  expect(createVolume({ data: new Uint8Array(6), shape: [1, 2, 3], spacing: [3, 0.5, 2] }).affine).toEqual([
    [2, 0, 0, 0],
    [0, 0.5, 0, 0],
    [0, 0, 3, 0],
    [0, 0, 0, 1],
  ]);
});

it('createVolume refuses what does not fit together', async () => {
  const data = new Uint8Array(6);
  const code = 'DMX_VOLUME_ARGUMENT';
  await expectFailure(() => createVolume({ data, shape: [1, 2, 4] }), code, '6 values', 'needs 8');
  await expectFailure(() => createVolume({ data, shape: [1, 2, 3.5] }), code, '[1,2,3.5]');
  await expectFailure(() => createVolume({ data, shape: [1, 2, 3], spacing: [1, 0, 1] }), code, '[1,0,1]');
  const affine = affineFromSpacing([1, 1, 2]);
  await expectFailure(() => createVolume({ data, shape: [1, 2, 3], spacing: [2, 1, 1], affine }), code, 'affine');
});

it('voxelAt inverts the memory order', () => {
  expect(voxelAt((2 * 5 + 3) * 7 + 6, [4, 5, 7])).toEqual([2, 3, 6]);
});
