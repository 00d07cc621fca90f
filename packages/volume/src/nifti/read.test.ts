import { describe, expect, it } from 'vitest';
import { expectClose, fixturePath, readFixture } from '../../test/fixtures.js';
import type { Affine } from '../geometry.js';
import { orientationOf } from '../orientation.js';
import { readNifti, readNiftiInfo } from './read.js';

interface Expected {
  affine: number[][];
  codes: string;
  stored: string;
  data: number[];
  spacing: number[];
  qform?: number[][];
}
const expected = await readFixture<Record<string, Expected>>('nifti.json');

// What readNifti makes of each stored type; unlisted ones are kept.
const inMemory: Record<string, string> = {
  'int8.nii': 'Int16Array',
  'uint32.nii': 'Int32Array',
  'int64-nifti2.nii': 'Int32Array',
  'scaled-int16.nii.gz': 'Float32Array',
  'scaled-int32-big.nii': 'Float64Array',
};
const kept: Record<string, string> = {
  uint8: 'Uint8Array',
  int16: 'Int16Array',
  uint16: 'Uint16Array',
  int32: 'Int32Array',
  float32: 'Float32Array',
  float64: 'Float64Array',
};

describe('readNifti against nibabel', () => {
  it.each(Object.keys(expected).filter((name) => name !== 'conflict.nii'))('%s', async (name) => {
    const truth = expected[name]!;
    const { volume, header } = await readNifti(fixturePath(name));
    expect(volume.shape).toEqual([5, 3, 4]);
    expect(header.datatype).toBe(truth.stored);
    expect(volume.data.constructor.name).toBe(inMemory[name] ?? kept[truth.stored]);
    expectClose(volume.affine.flat(), truth.affine.flat(), 1e-7);
    expectClose(volume.spacing, truth.spacing, 1e-7);
    expect(orientationOf(volume.affine)).toBe(truth.codes);
    // nibabel scales in float64; float32 results are within its rounding.
    if (volume.data instanceof Float32Array) expectClose(volume.data, truth.data, 6e-8);
    else expect([...volume.data]).toEqual(truth.data);
    const atOnce = await readNifti(fixturePath(name), { scratch: (bytes) => new Uint8Array(bytes) });
    expect(atOnce.volume).toEqual(volume);
  });

  it('takes the matrix that the caller chooses where the two disagree', async () => {
    const path = fixturePath('conflict.nii');
    const sform = await readNifti(path, { geometry: 'sform' });
    const qform = await readNifti(path, { geometry: 'qform' });
    expectClose(sform.volume.affine.flat(), expected['conflict.nii']!.affine.flat(), 1e-7);
    expectClose(qform.volume.affine.flat(), expected['conflict.nii']!.qform!.flat(), 1e-7);
  });

  it('maps index (i, j, k) = (x, y, z), memory being z, y, x', async () => {
    const { volume } = await readNifti(fixturePath('int16-both.nii.gz'));
    // The fixture's voxel (i, j, k) holds 517 * (i + 4 * (j + 3 * k)) - 100.
    const [z, y, x] = [3, 1, 2];
    expect(volume.data[(z * volume.shape[1] + y) * volume.shape[2] + x]).toBe(517 * (x + 4 * (y + 3 * z)) - 100);
    const column = (axis: 0 | 1 | 2) => Math.hypot(...(volume.affine as Affine).slice(0, 3).map((row) => row[axis]));
    expectClose([column(2), column(1), column(0)], [2.5, 0.9, 0.8], 1e-6);
    expectClose(volume.spacing, [2.5, 0.9, 0.8], 1e-6);
  });
});

describe('label names', () => {
  it.each(['labels.nii.gz', 'labels-nifti2-big.nii'])('are read from the Caret table of %s', async (name) => {
    const { labelNames, grid } = await readNiftiInfo(fixturePath(name));
    expect([...labelNames!]).toEqual([
      [1, 'spleen'],
      [2, 'kidney <right> & co'],
      [13, 'adrenal & rest'],
    ]);
    expect(grid.shape).toEqual([5, 3, 4]);
    expect((await readNifti(fixturePath(name))).volume.data[59]).toBe(236);
  });

  it('are undefined where the file has none', async () => {
    expect((await readNiftiInfo(fixturePath('int8.nii'))).labelNames).toBeUndefined();
  });
});
