import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { expectFailure, fixturePath, temporaryFolder } from '../../test/fixtures.js';
import type { Affine } from '../geometry.js';
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

  describe('labels for an image keep what places it', () => {
    // nifti1.h: pixdim[0..3] at 76, xyzt_units at 123, qform_code to srow_z at 252.
    const placeOf = (bytes: Buffer) => [bytes.subarray(76, 92), bytes.subarray(123, 124), bytes.subarray(252, 328)];
    const [cosine, sine] = [Math.cos(0.3), Math.sin(0.3)];
    const oblique: Affine = [
      [-0.7 * cosine, 0.8 * sine, 0, 31.25],
      [0.7 * sine, 0.8 * cosine, 0, -17.5],
      [0, 0, 2.5, 900.123],
      [0, 0, 0, 1],
    ];
    const cases: [string, (header: Buffer) => void][] = [
      [
        'a rounded sform beside an exact qform',
        (header) => {
          for (let at = 280; at < 328; at += 4) header.writeFloatLE(Number(header.readFloatLE(at).toFixed(3)), at);
        },
      ],
      ['different codes', (header) => void header.writeInt32LE((4 << 16) + 2, 252)],
      ['a qform alone', (header) => void header.writeInt16LE(0, 254)],
      ['both codes 0', (header) => void header.writeInt32LE(0, 252)],
      ['micrometres and seconds', (header) => void header.writeUInt8(3 + 8, 123)],
      ['no unit', (header) => void header.writeUInt8(0, 123)],
    ];
    it.each(cases)('%s', async (name, change) => {
      const image = temporary(`${name}.nii`);
      await writeNifti(image, createVolume({ data: new Int16Array(24), shape: [2, 3, 4], affine: oblique }));
      const content = await readFile(image);
      change(content);
      await writeFile(image, content);
      const { volume, header } = await readNifti(image);
      const labels = temporary(`${name} labels.nii`);
      await writeNifti(labels, { ...volume, data: new Uint8Array(24) }, { like: header });
      expect(placeOf(await readFile(labels))).toEqual(placeOf(content));
      expect((await readNifti(labels)).volume.affine).toEqual(volume.affine);
    });

    it('in NIfTI-2 as well, whose matrices have 64 bits', async () => {
      const image = temporary('second.nii');
      await writeNifti(image, createVolume({ data: new Int16Array(24), shape: [2, 3, 4], affine: oblique }), {
        version: 2,
      });
      const { volume, header } = await readNifti(image);
      const labels = temporary('second labels.nii');
      await writeNifti(labels, { ...volume, data: new Uint8Array(24) }, { like: header });
      expect((await readNifti(labels)).header.version).toBe(2);
      expect((await readNifti(labels)).volume.affine).toEqual(oblique);
    });

    it('and must lie on it', async () => {
      const image = temporary('first.nii');
      await writeNifti(image, createVolume({ data: new Int16Array(24), shape: [2, 3, 4], affine: oblique }));
      const { volume, header } = await readNifti(image);
      const shifted = {
        ...volume,
        affine: [[...oblique[0].slice(0, 3), 32], ...oblique.slice(1)] as unknown as Affine,
      };
      const turned = { ...volume, shape: [2, 4, 3] as const };
      for (const wrong of [shifted, turned]) {
        const path = temporary('not written.nii');
        await expectFailure(
          () => writeNifti(path, wrong, { like: header }),
          'DMX_VOLUME_ARGUMENT',
          path,
          'does not lie',
        );
      }
    });
  });

  it('stores label names under the code 0 that nibabel gives the text of', async () => {
    const path = temporary('code.nii');
    const volume = createVolume({ data: new Uint8Array(1), shape: [1, 1, 1] });
    await writeNifti(path, volume, { labelNames: new Map([[1, 'liver']]) });
    const bytes = await readFile(path);
    // nifti1.h: the flag of extensions at 348, then size and code of the first.
    expect([bytes[348], bytes.readInt32LE(352) % 16, bytes.readInt32LE(356)]).toEqual([1, 0, 0]);
    bytes.writeInt32LE(30, 356);
    await writeFile(path, bytes);
    expect((await readNifti(path)).labelNames).toEqual(new Map([[1, 'liver']]));
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
