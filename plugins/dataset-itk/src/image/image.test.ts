import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { type Affine, affineDifference, createVolume, type Volume, writeNifti } from '@dinomix/volume';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/python.js';
import { readImage } from './read-image.js';
import { writeLabels } from './write-image.js';

const SHAPE = [3, 4, 5] as const;
const values = Int16Array.from({ length: 60 }, (_, index) => ((index * 7919) % 3000) - 1200);
const bytes = Buffer.from(values.buffer);

/** Directions of the axes x, y, z in rows, LPS: 30 degrees about z. */
const [c, s] = [Math.cos(Math.PI / 6), Math.sin(Math.PI / 6)];
const AXES = [
  [c, s, 0],
  [-s, c, 0],
  [0, 0, 1],
];
const STEPS = [0.7, 0.8, 2.5];
const OFFSET = [10.5, -20.25, 3];
/** World RAS+ = -LPS for x and y. */
const EXPECTED: Affine = [
  [-c * 0.7, s * 0.8, 0, -10.5],
  [-s * 0.7, -c * 0.8, 0, 20.25],
  [0, 0, 2.5, 3],
  [0, 0, 0, 1],
];

/** NRRD by the letter of teem's specification. */
function nrrd(fields: Record<string, string> = {}, data: Uint8Array = bytes): Buffer {
  const directions = AXES.map((axis, index) => `(${axis.map((value) => value * STEPS[index]!).join(',')})`).join(' ');
  const header = {
    type: 'short',
    dimension: '3',
    space: 'left-posterior-superior',
    sizes: '5 4 3',
    'space directions': directions,
    'space origin': `(${OFFSET.join(',')})`,
    endian: 'little',
    encoding: 'raw',
    ...fields,
  };
  const text = Object.entries(header).map(([key, value]) => `${key}: ${value}\n`);
  return Buffer.concat([Buffer.from(`NRRD0004\n${text.join('')}\n`), data]);
}

/** MetaImage by the letter of its documentation: TransformMatrix lists axis after axis. */
function meta(fields: Record<string, string> = {}): string {
  const header = {
    ObjectType: 'Image',
    NDims: '3',
    BinaryData: 'True',
    BinaryDataByteOrderMSB: 'False',
    TransformMatrix: AXES.flat().join(' '),
    Offset: OFFSET.join(' '),
    ElementSpacing: STEPS.join(' '),
    DimSize: '5 4 3',
    ElementType: 'MET_SHORT',
    ...fields,
    // The last line: voxels follow it.
    ElementDataFile: fields.ElementDataFile ?? 'LOCAL',
  };
  const { ElementDataFile, ...rest } = header;
  const lines = Object.entries({ ...rest, ElementDataFile }).map(([key, value]) => `${key} = ${value}\n`);
  return lines.join('');
}

function fileWith(name: string, content: Uint8Array | string): string {
  const file = join(temporaryFolder(), name);
  writeFileSync(file, content);
  return file;
}

const failure = (file: string, options = {}) =>
  readImage(file, options).then(
    () => expect.fail('was read'),
    (thrown: { code: string; problem: string }) => thrown,
  );

describe('readImage', () => {
  it.each<readonly [string, () => string]>([
    ['NRRD', () => fileWith('a.nrrd', nrrd())],
    ['compressed NRRD', () => fileWith('a.nrrd', nrrd({ encoding: 'gzip' }, gzipSync(bytes)))],
    ['NRRD of the other byte order', () => fileWith('a.nrrd', nrrd({ endian: 'big' }, Buffer.from(bytes).swap16()))],
    ['MetaImage', () => fileWith('a.mha', Buffer.concat([Buffer.from(meta()), bytes]))],
    [
      'MetaImage with its voxels beside it',
      () => {
        const file = fileWith('a.mhd', meta({ ElementDataFile: 'a.raw' }));
        writeFileSync(file.replace('.mhd', '.raw'), bytes);
        return file;
      },
    ],
  ])('%s: voxels, RAS matrix and spacing', async (_, make) => {
    const volume = await readImage(make());
    expect(volume.shape).toEqual(SHAPE);
    expect(volume.data).toEqual(values);
    expect(affineDifference(volume.affine, EXPECTED)).toBeLessThan(1e-12);
    expect(volume.spacing.map((step) => Number(step.toFixed(9)))).toEqual([2.5, 0.8, 0.7]);
  });

  it('NRRD in RAS space is not turned twice', async () => {
    const volume = await readImage(fileWith('a.nrrd', nrrd({ space: 'right-anterior-superior' })));
    const lps = EXPECTED.map((row, index) => (index < 2 ? row.map((value) => -value) : row));
    expect(affineDifference(volume.affine, lps as unknown as Affine)).toBeLessThan(1e-12);
  });

  it('types: wide integers become int16 where they fit, doubles float32', async () => {
    const read = async (type: string, data: ArrayBufferView) =>
      (await readImage(fileWith('a.nrrd', nrrd({ type }, Buffer.from(data.buffer))))).data;
    expect(await read('int', Int32Array.from(values))).toEqual(values);
    const wide = Int32Array.from(values, (value) => value * 1000);
    expect(await read('int', wide)).toEqual(wide);
    expect(await read('uint', Uint32Array.from(wide, Math.abs))).toEqual(wide.map(Math.abs));
    expect(await read('longlong', BigInt64Array.from(wide, BigInt))).toEqual(wide);
    expect(
      await read(
        'double',
        Float64Array.from(values, (value) => value / 2),
      ),
    ).toEqual(Float32Array.from(values, (value) => value / 2));
    expect(await read('uchar', Uint8Array.from(values, Math.abs))).toEqual(Uint8Array.from(values, Math.abs));
    expect(await read('int8', Int8Array.from(values))).toEqual(Int16Array.from(Int8Array.from(values)));
  });

  it('NIfTI goes to the reader that asks where two matrices disagree', async () => {
    const file = join(temporaryFolder(), 'a.nii.gz');
    await writeNifti(file, createVolume({ data: values, shape: SHAPE, affine: EXPECTED }));
    expect(affineDifference((await readImage(file)).affine, EXPECTED)).toBeLessThan(1e-5);
    const content = gunzipSync(readFileSync(file));
    // nifti1.h: srow_x at 280.
    content.writeFloatLE(content.readFloatLE(280 + 12) + 5, 280 + 12);
    writeFileSync(file, gzipSync(content));
    expect((await failure(file)).code).toBe('DMX_NIFTI_GEOMETRY');
    expect((await readImage(file, { geometry: 'sform' })).affine[0][3]).toBeCloseTo(-5.5, 4);
  });

  it('NaN is refused, or replaced', async () => {
    const data = Float32Array.from(values);
    data[7] = Number.NaN;
    const file = fileWith('a.nrrd', nrrd({ type: 'float' }, Buffer.from(data.buffer)));
    expect(await failure(file)).toMatchObject({ code: 'DMX_VOLUME_INTENSITY' });
    expect((await readImage(file, { replaceNonFinite: -5 })).data[7]).toBe(-5);
  });

  it.each<readonly [string, string, () => string, string]>([
    ['cut off', 'DMX_IMAGE_READ', () => fileWith('a.nrrd', nrrd().subarray(0, -20)), 'cannot be read'],
    [
      'cut off inside of its gzip stream',
      'DMX_IMAGE_READ',
      () => fileWith('a.nrrd', nrrd({ encoding: 'gzip' }, gzipSync(bytes).subarray(0, 30))),
      'cannot be read',
    ],
    ['no NRRD', 'DMX_IMAGE_READ', () => fileWith('a.nrrd', 'hello'), 'cannot be read'],
    ['no MetaImage', 'DMX_IMAGE_READ', () => fileWith('a.mha', bytes), 'cannot be read'],
    ['absent', 'DMX_FILE_READ', () => '/nowhere/a.mha', 'ENOENT'],
    ['a name that says nothing', 'DMX_IMAGE_READ', () => fileWith('a.img2', nrrd()), 'no known image format'],
    [
      'voxels beside it that are absent',
      'DMX_IMAGE_READ',
      () => fileWith('a.mhd', meta({ ElementDataFile: 'b.raw' })),
      'the file of its voxels cannot be opened: ENOENT',
    ],
    [
      'a file outside of its folder',
      'DMX_IMAGE_READ',
      () => fileWith('a.mhd', meta({ ElementDataFile: '../../etc/passwd', DimSize: '2 2 2', ElementType: 'MET_CHAR' })),
      'outside of its folder',
    ],
    [
      'four axes',
      'DMX_IMAGE_KIND',
      () =>
        fileWith(
          'a.mha',
          Buffer.concat([
            Buffer.from(
              meta({
                NDims: '4',
                DimSize: '5 4 3 2',
                TransformMatrix: '1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1',
                Offset: '0 0 0 0',
                ElementSpacing: '1 1 1 1',
              }),
            ),
            bytes,
            bytes,
          ]),
        ),
      'has 4 axes: 5 x 4 x 3 x 2 voxels',
    ],
    [
      'two numbers per voxel',
      'DMX_IMAGE_KIND',
      () => fileWith('a.mha', Buffer.concat([Buffer.from(meta({ ElementNumberOfChannels: '2' })), bytes, bytes])),
      'has 2 numbers per voxel',
    ],
    [
      'a size that the file cannot have',
      'DMX_IMAGE_SIZE',
      () =>
        fileWith(
          'a.mha',
          Buffer.concat([Buffer.from(meta({ DimSize: '500 400 300', CompressedData: 'True' })), bytes]),
        ),
      'announces 500 x 400 x 300 voxels of int16',
    ],
  ])('refuses: %s', async (_, code, make, problem) => {
    const error = await failure(make());
    expect(error.code).toBe(code);
    expect(error.problem).toContain(problem);
  });
});

/** FreeSurfer's format as nibabel writes it. */
const hasNibabel = (() => {
  try {
    execFileSync('/usr/bin/python3', ['-c', 'import nibabel'], { stdio: 'ignore' });
    return true;
  } catch {
    console.log('skipped: reading .mgz needs python3-nibabel (Debian package, see .ci/real-data)');
    return false;
  }
})();

it.skipIf(!hasNibabel)('reads .mgz as nibabel wrote it', async () => {
  const file = join(temporaryFolder(), 'a.mgz');
  const script =
    'import sys, numpy as np, nibabel as n\n' +
    'a = np.arange(60, dtype=np.float32).reshape(3, 4, 5)\n' +
    'n.save(n.MGHImage(a, np.array([[-2, 0, 0, 10], [0, 0, 3, 20], [0, -1.5, 0, 30], [0, 0, 0, 1.]])), sys.argv[1])';
  execFileSync('/usr/bin/python3', ['-c', script, file]);
  const volume = await readImage(file);
  expect(volume.shape).toEqual([5, 4, 3]);
  const expected: Affine = [
    [-2, 0, 0, 10],
    [0, 0, 3, 20],
    [0, -1.5, 0, 30],
    [0, 0, 0, 1],
  ];
  expect(affineDifference(volume.affine, expected)).toBeLessThan(1e-5);
  // a[i, j, k] of numpy is i * 20 + j * 5 + k.
  volume.data.forEach((value, index) => {
    const [k, j, i] = [Math.floor(index / 12), Math.floor(index / 3) % 4, index % 3];
    expect(value).toBe(i * 20 + j * 5 + k);
  });
});

describe('writeLabels', () => {
  const labels: Volume<Uint8Array> = createVolume({
    data: Uint8Array.from(values, (value) => (value > 300 ? 2 : value > 0 ? 1 : 0)),
    shape: SHAPE,
    affine: EXPECTED,
  });
  const classes = [
    { index: 0, name: 'background', colour: [0, 0, 0] },
    { index: 1, name: 'liver', colour: [255, 0, 0] },
    { index: 2, name: 'left kidney', colour: [0, 51, 255] },
    { index: 3, name: 'absent', colour: [0, 0, 255] },
  ] as const;

  it('NRRD: what its header says by the letter, with the segments of 3D Slicer', async () => {
    const folder = temporaryFolder();
    await writeLabels(join(folder, 'l.seg.nrrd'), labels, { classes });
    expect(readdirSync(folder)).toEqual(['l.seg.nrrd']);
    const content = readFileSync(join(folder, 'l.seg.nrrd'));
    const end = content.indexOf('\n\n');
    const header = content.subarray(0, end).toString();
    const field = (name: string) => new RegExp(`^${name}:=? ?(.*)$`, 'm').exec(header)?.[1];
    expect(field('type')).toMatch(/^(uchar|unsigned char)$/);
    expect(field('sizes')).toBe('5 4 3');
    expect(field('space')).toBe('left-posterior-superior');
    expect(JSON.parse(`[${field('space origin')!.slice(1, -1)}]`)).toEqual(OFFSET);
    expect(field('Segment0_Name')).toBe('liver');
    expect(field('Segment1_Name')).toBe('left kidney');
    expect(field('Segment1_LabelValue')).toBe('2');
    expect(field('Segment1_Color')).toBe('0.000000 0.200000 1.000000');
    expect(field('Segment2_Name')).toBeUndefined();
    expect(new Uint8Array(gunzipSync(content.subarray(end + 2)))).toEqual(labels.data);
  });

  it.each(['l.nrrd', 'l.mha', 'l.nii.gz'])('%s comes back', async (name) => {
    const file = join(temporaryFolder(), name);
    await writeLabels(file, labels, { classes });
    const again = await readImage(file);
    expect(again.data).toEqual(labels.data);
    expect(affineDifference(again.affine, EXPECTED)).toBeLessThan(1e-6);
  });

  it('refuses what it cannot write, and leaves nothing behind', async () => {
    const folder = temporaryFolder();
    await expect(writeLabels(join(folder, 'no/l.nrrd'), labels, { classes })).rejects.toMatchObject({
      code: 'DMX_IMAGE_WRITE',
      problem: expect.stringContaining('ENOENT'),
    });
    await expect(writeLabels(join(folder, 'l.png'), labels, { classes })).rejects.toMatchObject({
      code: 'DMX_IMAGE_WRITE',
    });
    const sheared = createVolume({
      data: labels.data,
      shape: SHAPE,
      affine: [
        [1, 0, 0.3, 0],
        [0, 1, 0, 0],
        [0, 0, 2, 0],
        [0, 0, 0, 1],
      ],
    });
    await expect(writeLabels(join(folder, 'l.mha'), sheared, { classes })).rejects.toMatchObject({
      code: 'DMX_IMAGE_GEOMETRY',
    });
    expect(existsSync(join(folder, 'l.mha'))).toBe(false);
    expect(readdirSync(folder)).toEqual([]);
  });
});
