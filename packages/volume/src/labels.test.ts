import { expect, it } from 'vitest';
import { expectFailure } from '../test/fixtures.js';
import { countLabels, toLabelVolume } from './labels.js';
import { createVolume, type VoxelArray } from './volume.js';

const labelled = (data: VoxelArray) => createVolume({ data, shape: [2, 1, 3] });

it('toLabelVolume takes whole numbers of any type', () => {
  for (const create of [Uint8Array, Int16Array, Float32Array, Float64Array]) {
    const labels = toLabelVolume(labelled(create.of(0, 1, 2, 13, 0, 1)), { classes: 14, file: 'a.nii' });
    expect(labels.data).toEqual(Uint8Array.of(0, 1, 2, 13, 0, 1));
  }
});

it('toLabelVolume names the file, the value and the first voxel', async () => {
  const check = { classes: 14, file: 'label0001.nii.gz' };
  const code = 'DMX_VOLUME_LABEL';
  const parts = ['label0001.nii.gz: label 14 at voxel (i, j, k) = (1,0,1)', '14 classes are 0 to 13'];
  await expectFailure(
    () => toLabelVolume(labelled(Uint8Array.of(0, 1, 2, 13, 14, 15)), check),
    code,
    ...parts,
    '14, 15',
  );
  await expectFailure(
    () => toLabelVolume(labelled(Float32Array.of(0, 1.5, 2, 3, 4, 5)), check),
    code,
    'label 1.5',
    '(1,0,0)',
  );
  await expectFailure(
    () => toLabelVolume(labelled(Int16Array.of(0, 0, 0, 0, 0, -1)), check),
    code,
    'label -1',
    '(2,0,1)',
  );
  // 258 is 2 in the low byte.
  await expectFailure(() => toLabelVolume(labelled(Uint16Array.of(258, 0, 0, 0, 0, 0)), check), code, 'label 258');
});

it('countLabels counts each class', () => {
  expect([...countLabels(Uint8Array.of(0, 2, 2, 3, 0, 0, 255), 4)]).toEqual([3, 0, 2, 1]);
});
