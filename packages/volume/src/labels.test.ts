import { expect, it } from 'vitest';
import { expectFailure } from '../test/fixtures.js';
import type { VolumeError } from './errors.js';
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

it('toLabelVolume takes what is whole up to rounding, and says so', async () => {
  const check = (onRounded?: (rounded: object) => void) => ({
    classes: 3,
    file: 'a.nii',
    ...(onRounded ? { onRounded } : {}),
  });
  const told: object[] = [];
  // 0, 1 and 2 as nibabel 5 stores float labels in int16: slope 2/65534, intercept 1.
  const stored = Float32Array.of(-32767, 0, 32767, 1, -32766, 32766).map((value) => value * (2 / 65534) + 1);
  const labels = toLabelVolume(
    labelled(stored),
    check((rounded) => void told.push(rounded)),
  );
  expect(labels.data).toEqual(Uint8Array.of(0, 1, 2, 1, 0, 2));
  expect(told).toEqual([{ voxels: 3, largest: expect.closeTo(2 / 65534, 7) }]);
  toLabelVolume(
    labelled(Float32Array.of(0, 1, 2, 0, 1, 2)),
    check(() => expect.fail('was told')),
  );
  const refused = (...values: number[]) =>
    expectFailure(
      () => toLabelVolume(labelled(Float64Array.of(...values)), check()),
      'DMX_VOLUME_LABEL',
      String(values[0]),
    );
  await refused(1.0011, 0, 0, 0, 0, 0);
  await refused(-0.0011, 0, 0, 0, 0, 0);
  await refused(2.9999, 0, 0, 0, 0, 0);
  await refused(Number.NaN, 0, 0, 0, 0, 0);
});

it('toLabelVolume tells a slope that is too coarse from interpolation', () => {
  const fixOf = (...values: number[]) => {
    try {
      toLabelVolume(labelled(Float64Array.of(...values)), { classes: 3, file: 'a.nii' });
    } catch (error) {
      return (error as VolumeError).fix;
    }
    return expect.fail('was read');
  };
  // uint8 21 and 43 with the slope 12/255.
  expect(fixOf(0, (21 * 12) / 255, (43 * 12) / 255, 0, 0, 0)).toContain('without scaling');
  expect(fixOf(0, 1, 1.3, 0.5, 0, 0)).toContain('interpolation');
  expect(fixOf(0, 1, 3, 4, 0, 0)).toContain('name the classes of these values');
});

it('countLabels counts each class', () => {
  expect([...countLabels(Uint8Array.of(0, 2, 2, 3, 0, 0, 255), 4)]).toEqual([3, 0, 2, 1]);
});
