import { readFile, writeFile } from 'node:fs/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { expectFailure, fixturePath, temporaryFolder } from '../../test/fixtures.js';
import { readNifti, readNiftiInfo } from './read.js';

const temporary = await temporaryFolder();

/** Writes a changed copy of a fixture, uncompressed content in, and returns its path. */
async function damaged(name: string, change: (bytes: Buffer) => Buffer | undefined, copy = name): Promise<string> {
  const raw = await readFile(fixturePath(name));
  const bytes = Buffer.from(name.endsWith('.gz') ? gunzipSync(raw) : raw);
  const changed = change(bytes) ?? bytes;
  const path = temporary(copy);
  await writeFile(path, copy.endsWith('.gz') ? gzipSync(changed) : changed);
  return path;
}

describe('readNifti refuses', () => {
  it('a plain file that is cut off', async () => {
    const path = await damaged('qform-only.nii', (bytes) => bytes.subarray(0, -1));
    await expectFailure(() => readNifti(path), 'DMX_NIFTI_TRUNCATED', path, '119 of the 120 bytes');
  });

  it('what is no NIfTI file, naming what it found', async () => {
    const wrongMagic = await damaged('int8.nii', (bytes) => void bytes.write('abc\0', 344, 'latin1'));
    await expectFailure(() => readNifti(wrongMagic), 'DMX_NIFTI_MAGIC', wrongMagic, '"abc\\u0000"');
    const pair = await damaged('int8.nii', (bytes) => void bytes.write('ni1', 344, 'latin1'));
    await expectFailure(() => readNifti(pair), 'DMX_NIFTI_MAGIC', '.hdr/.img');
    const second = await damaged('int32-nifti2.nii', (bytes) => void bytes.write('X', 9, 'latin1'));
    await expectFailure(() => readNifti(second), 'DMX_NIFTI_MAGIC', 'instead of "n+2"');
    const text = temporary('text.nii.gz');
    await writeFile(text, 'an HTML page that a download left here. '.repeat(20));
    await expectFailure(() => readNifti(text), 'DMX_NIFTI_MAGIC', text);
    await writeFile(text, '');
    await expectFailure(() => readNifti(text), 'DMX_NIFTI_MAGIC', 'only 0 bytes');
  });

  it('a missing file and a folder', async () => {
    await expectFailure(() => readNifti(temporary('none.nii')), 'DMX_FILE_READ', 'none.nii', 'ENOENT');
    await expectFailure(() => readNifti(temporary('.')), 'DMX_FILE_READ', 'not a regular file');
  });

  it.each([0, Number.NaN, -1, Number.POSITIVE_INFINITY])('the spacing %s', async (value) => {
    const path = await damaged('int8.nii', (bytes) => void bytes.writeFloatLE(value, 76 + 8));
    await expectFailure(() => readNifti(path), 'DMX_NIFTI_SPACING', path, `0.75 x ${value} x 3 mm`, 'pixdim[2]');
  });

  it('more than one time point, but not a fourth axis of 1', async () => {
    const path = fixturePath('two-time-points.nii');
    await expectFailure(() => readNifti(path), 'DMX_NIFTI_DIMENSIONS', path, '4 axes: 4 x 3 x 5 x 2', '3D volumes');
    expect((await readNifti(fixturePath('one-time-point.nii'))).volume.shape).toEqual([5, 3, 4]);
    await expectFailure(() => readNifti(path, { frame: 2 }), 'DMX_NIFTI_DIMENSIONS', path, '2 volumes', 'number 2');
    const single = fixturePath('one-time-point.nii');
    await expectFailure(() => readNifti(single, { frame: 1 }), 'DMX_NIFTI_DIMENSIONS', single, 'no fourth', 'frame 0');
    expect((await readNifti(single, { frame: 0 })).volume).toEqual((await readNifti(single)).volume);
  });

  it('a damaged dim field', async () => {
    const path = await damaged('int8.nii', (bytes) => void bytes.writeInt16LE(-4, 42));
    await expectFailure(() => readNifti(path), 'DMX_NIFTI_DIMENSIONS', '[3,-4,3,5');
  });

  it('colour voxels', async () => {
    const path = await damaged('int8.nii', (bytes) => void bytes.writeInt16LE(128, 70));
    await expectFailure(() => readNifti(path), 'DMX_NIFTI_DATATYPE', path, '128');
  });

  it('NaN and infinite intensities, unless they are replaced', async () => {
    const path = fixturePath('nan.nii');
    await expectFailure(() => readNifti(path), 'DMX_VOLUME_INTENSITY', path, '2 of 60', 'NaN', '(i, j, k) = (2,1,3)');
    const { volume } = await readNifti(path, { replaceNonFinite: -7 });
    expect(volume.data[(3 * 3 + 1) * 4 + 2]).toBe(-7);
    expect(volume.data[59]).toBe(-7);
    expect(volume.data[1]).toBeCloseTo(1.37 - 20, 5);
  });

  it('two matrices that disagree, printing both', async () => {
    const path = fixturePath('conflict.nii');
    const parts = [path, 'sform (code 2)', 'qform (code 1)', '[-0.75, 0, 0, 120]', "geometry: 'sform'"];
    await expectFailure(() => readNifti(path), 'DMX_NIFTI_GEOMETRY', ...parts);
    await expectFailure(() => readNiftiInfo(path), 'DMX_NIFTI_GEOMETRY', ...parts);
  });

  it('a singular or NaN matrix and a quaternion that is none', async () => {
    const singular = await damaged('int8.nii', (bytes) => void bytes.writeFloatLE(0, 280));
    await expectFailure(() => readNifti(singular), 'DMX_NIFTI_GEOMETRY', 'singular');
    const infinite = await damaged('int8.nii', (bytes) => void bytes.writeFloatLE(Number.NaN, 292));
    await expectFailure(() => readNifti(infinite), 'DMX_NIFTI_GEOMETRY', 'not finite');
    const quaternion = await damaged('qform-only.nii', (bytes) => void bytes.writeFloatLE(1.5, 256));
    await expectFailure(() => readNifti(quaternion), 'DMX_NIFTI_GEOMETRY', '(b, c, d) = (1.5');
  });

  it('a header that announces more than the file can hold, before taking memory', async () => {
    const huge = (bytes: Buffer) => {
      for (const axis of [1, 2, 3]) bytes.writeInt16LE(1500, 40 + 2 * axis);
    };
    const plain = await damaged('int8.nii', (bytes) => void huge(bytes));
    await expectFailure(() => readNifti(plain), 'DMX_NIFTI_TRUNCATED', '60 of the 3375000000 bytes');
    const packed = await damaged('uint8-sform.nii.gz', (bytes) => void huge(bytes));
    await expectFailure(() => readNifti(packed), 'DMX_NIFTI_TRUNCATED', 'of the 3375000000 bytes');
    await expectFailure(() => readNifti(packed, { maxBytes: 1e6 }), 'DMX_NIFTI_SIZE', '3375000000', 'limit is 1000000');
  });

  it('an offset of the voxels outside of the file', async () => {
    for (const offset of [100, -1, Number.NaN, 1e9]) {
      const path = await damaged('int8.nii', (bytes) => void bytes.writeFloatLE(offset, 108));
      await expectFailure(() => readNifti(path), 'DMX_NIFTI_SIZE', path, `byte ${offset}`);
    }
  });

  it('a header extension with a wrong size', async () => {
    const path = await damaged('labels.nii.gz', (bytes) => void bytes.writeInt32LE(1 << 30, 352));
    await expectFailure(() => readNifti(path), 'DMX_NIFTI_EXTENSION', path, '1073741824');
  });
});

describe.each([
  ['through the thread pool', {}],
  ['in one call', { scratch: (bytes: number) => new Uint8Array(bytes + 100).fill(7) }],
])('readNifti, inflating %s,', (_, options) => {
  it('refuses a gzip file that is cut off', async () => {
    const raw = await readFile(fixturePath('int16-both.nii.gz'));
    const path = temporary('cut.nii.gz');
    for (const length of [raw.length - 1, raw.length - 9, 200, 60, 12]) {
      await writeFile(path, raw.subarray(0, length));
      await expectFailure(() => readNifti(path, options), 'DMX_NIFTI_TRUNCATED', path, 'cut off');
    }
  });

  it('refuses gzip data with a changed byte, caught by its checksum at the latest', async () => {
    const path = temporary('flipped.nii.gz');
    const raw = await readFile(fixturePath('int16-both.nii.gz'));
    const changed = Buffer.from(raw);
    changed[raw.length - 6]! ^= 1;
    await writeFile(path, changed);
    await expectFailure(() => readNifti(path, options), 'DMX_NIFTI_GZIP', path, 'incorrect data check');
    const header = Buffer.from(raw).fill(0xff, 20, 40);
    await writeFile(path, header);
    await expectFailure(() => readNifti(path, options), 'DMX_NIFTI_GZIP', path);
  });

  it('refuses endless data after the voxels', async () => {
    const path = await damaged('uint8-sform.nii.gz', (bytes) => Buffer.concat([bytes, Buffer.alloc(2 ** 26 + 1)]));
    await expectFailure(() => readNifti(path, options), 'DMX_NIFTI_SIZE', 'after its last voxel');
    const short = await damaged('uint8-sform.nii.gz', (bytes) => Buffer.concat([bytes, Buffer.alloc(5000)]));
    expect((await readNifti(short, options)).volume.data[2]).toBe(8);
  });

  it('reads gzip members that follow one another as gzip -dc does', async () => {
    const raw = gunzipSync(await readFile(fixturePath('int16-both.nii.gz')));
    const path = temporary('members.nii.gz');
    await writeFile(path, Buffer.concat([gzipSync(raw.subarray(0, 300)), gzipSync(raw.subarray(300))]));
    const whole = await readNifti(fixturePath('int16-both.nii.gz'));
    expect((await readNifti(path, options)).volume.data).toEqual(whole.volume.data);
  });

  it('reads a header that goes beyond the first bytes of the file', async () => {
    // An extension of incompressible comments (ecode 6), longer than what is inflated on opening.
    const noise = Buffer.from(Uint8Array.from({ length: 40000 }, (_, index) => (index * 2654435761) >>> 13));
    const path = await damaged('uint8-sform.nii.gz', (bytes) => {
      const size = Buffer.alloc(8);
      size.writeInt32LE(noise.length + 8, 0);
      size.writeInt32LE(6, 4);
      const head = Buffer.from(bytes.subarray(0, 352));
      head.writeFloatLE(352 + 8 + noise.length, 108);
      head[348] = 1;
      return Buffer.concat([head, size, noise, bytes.subarray(352)]);
    });
    const plain = await readNifti(fixturePath('uint8-sform.nii.gz'));
    expect((await readNifti(path, options)).volume.data).toEqual(plain.volume.data);
  });
});

it('readNifti goes by the content where the name misleads', async () => {
  const plainNamedGz = temporary('plain.nii.gz');
  await writeFile(plainNamedGz, await readFile(fixturePath('int8.nii')));
  expect((await readNifti(plainNamedGz)).volume.data[0]).toBe(-100);
});
