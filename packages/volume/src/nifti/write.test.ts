import { readdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { expectFailure, fixturePath, temporaryFolder } from '../../test/fixtures.js';
import { createVolume, type VoxelArray } from '../volume.js';
import { readNifti } from './read.js';
import { type WriteNiftiOptions, writeNifti } from './write.js';

const temporary = await temporaryFolder();

describe('writeNifti', () => {
  const cases: [string, WriteNiftiOptions][] = [
    ['written-int16.nii', {}],
    ['written-sheared.nii', {}],
    ['written-float64-nifti2-big.nii', { version: 2, byteOrder: 'big' }],
  ];
  it.each(cases)('gives the bytes that nibabel gives: %s', async (name, options) => {
    const { volume } = await readNifti(fixturePath(name));
    await writeNifti(temporary(name), volume, options);
    expect(await readFile(temporary(name))).toEqual(await readFile(fixturePath(name)));
  });

  it.each([Uint8Array, Int16Array, Uint16Array, Int32Array, Float32Array, Float64Array] as (new (
    values: number[],
  ) => VoxelArray)[])('keeps values and place through .nii.gz: %o', async (create) => {
    const { volume } = await readNifti(fixturePath('qform-only.nii'));
    const data = new create(Array.from({ length: 60 }, (_, index) => (index * 37) % 251));
    for (const [version, byteOrder] of [
      [1, 'little'],
      [1, 'big'],
      [2, 'little'],
      [2, 'big'],
    ] as const) {
      const path = temporary(`round-${version}-${byteOrder}.nii.gz`);
      await writeNifti(path, { ...volume, data }, { version, byteOrder });
      const again = await readNifti(path);
      expect(again.header.version).toBe(version);
      expect(again.header.littleEndian).toBe(byteOrder === 'little');
      expect(again.volume.data).toEqual(data);
      // The first file's affine came from a float32 quaternion and is rounded once; what was read stays as it is.
      const third = temporary('third.nii');
      await writeNifti(third, again.volume, { version });
      expect((await readNifti(third)).volume.affine).toEqual(again.volume.affine);
    }
  });

  it('stores scaling, space code and description', async () => {
    const volume = createVolume({ data: Int16Array.of(0, 10, 20, 30), shape: [1, 2, 2] });
    const path = temporary('scaled.nii');
    await writeNifti(path, volume, { scaling: { slope: 0.5, intercept: -4 }, spaceCode: 4, description: 'a phantom' });
    const { header, volume: read } = await readNifti(path);
    expect([...read.data]).toEqual([-4, 1, 6, 11]);
    expect(header).toMatchObject({ qformCode: 4, sformCode: 4, description: 'a phantom' });
  });

  it('stores label names that come back', async () => {
    const labelNames = new Map([
      [13, 'left adrenal ]]> <gland> & "co"'],
      [0, 'background'],
      [1, 'Milz, größer'],
    ]);
    const volume = createVolume({ data: new Uint8Array(24), shape: [2, 3, 4], spacing: [3, 1, 1] });
    for (const byteOrder of ['little', 'big'] as const) {
      const path = temporary(`names-${byteOrder}.nii.gz`);
      await writeNifti(path, volume, { labelNames, byteOrder });
      const read = await readNifti(path);
      expect(read.labelNames).toEqual(new Map([...labelNames].sort(([a], [b]) => a - b)));
      expect(read.header.voxelOffset % 16).toBe(0);
    }
  });

  it('gives the same bytes for the same volume and leaves no temporary file', async () => {
    const volume = createVolume({ data: Int16Array.from({ length: 6000 }, (_, i) => i * i), shape: [10, 20, 30] });
    await writeNifti(temporary('a.nii.gz'), volume);
    await writeNifti(temporary('b.nii.gz'), volume);
    const bytes = await readFile(temporary('a.nii.gz'));
    expect(bytes).toEqual(await readFile(temporary('b.nii.gz')));
    expect(gunzipSync(bytes).length).toBe(352 + 12000);
    expect((await readdir(dirname(temporary('a')))).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('refuses names and volumes that are none', async () => {
    const volume = createVolume({ data: new Uint8Array(8), shape: [2, 2, 2] });
    await expectFailure(() => writeNifti(temporary('a.mha'), volume), 'DMX_VOLUME_ARGUMENT', 'a.mha');
    const short = { ...volume, data: new Uint8Array(7) };
    await expectFailure(() => writeNifti(temporary('a.nii'), short), 'DMX_VOLUME_ARGUMENT', '7 values');
    const lost = temporary('no-such-folder/a.nii');
    await expectFailure(() => writeNifti(lost, volume), 'DMX_FILE_WRITE', 'create the folder');
  });
});
