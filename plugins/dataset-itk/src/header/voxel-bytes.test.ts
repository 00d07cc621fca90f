import { execFileSync } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/python.js';
import { inspectImage, readImage } from '../image/read-image.js';

const SIDES = [5, 4, 3] as const;
const STORED = Int16Array.from({ length: 60 }, (_, index) => index * 257 - 5000);
const little = Buffer.from(STORED.buffer);
const big = Buffer.from(little).swap16();

/** FreeSurfer's format: seven big-endian integers, spacing and directions at 30, voxels at 284. */
function mgh(
  sides: readonly number[] = SIDES,
  type = 4,
  voxels: Uint8Array = big,
  direction: readonly number[] = [-1, 0, 0, 0, 0, -1, 0, 1, 0],
): Buffer {
  const header = Buffer.alloc(284);
  for (const [index, value] of [1, ...sides, 1, type, 0].entries()) header.writeInt32BE(value, 4 * index);
  header.writeInt16BE(1, 28);
  for (const [index, value] of [1, 1, 1, ...direction, 0, 0, 0].entries()) header.writeFloatBE(value, 30 + 4 * index);
  return Buffer.concat([header, voxels]);
}

/** GIPL: sides, type and spacing, 256 bytes with its magic number at the end. */
function gipl(voxels: Uint8Array = big): Buffer {
  const header = Buffer.alloc(256);
  for (const [index, value] of [...SIDES, 1, 15].entries()) header.writeUInt16BE(value, 2 * index);
  for (const index of [0, 1, 2, 3]) header.writeFloatBE(1, 10 + 4 * index);
  header.writeUInt32BE(719555000, 252);
  return Buffer.concat([header, voxels]);
}

function meta(fields: Record<string, string | number>, voxels: Uint8Array = little): Buffer {
  const header = { NDims: 3, DimSize: SIDES.join(' '), ElementType: 'MET_SHORT', ElementSpacing: '1 1 1', ...fields };
  const { ElementDataFile = 'LOCAL', ...rest } = header as Record<string, string | number>;
  const lines = Object.entries({ ObjectType: 'Image', BinaryData: 'True', ...rest, ElementDataFile });
  return Buffer.concat([Buffer.from(lines.map(([key, value]) => `${key} = ${value}\n`).join('')), voxels]);
}

function nrrd(fields: Record<string, string | number>, voxels: Uint8Array = little): Buffer {
  const header = { type: 'short', dimension: 3, sizes: SIDES.join(' '), encoding: 'raw', endian: 'little', ...fields };
  const lines = Object.entries(header).map(([key, value]) => `${key}: ${value}\n`);
  return Buffer.concat([Buffer.from(`NRRD0004\n${lines.join('')}\n`), voxels]);
}

function fileWith(name: string, content: Uint8Array): string {
  const file = join(temporaryFolder(), name);
  writeFileSync(file, content);
  return file;
}

const failure = async (file: string, read: (file: string) => Promise<unknown> = readImage) => {
  const error = await read(file).then(
    () => expect.fail('was read'),
    (thrown: { code: string; file: string; problem: string; message: string }) => thrown,
  );
  expect(error.message).toContain(file);
  return error;
};

const cut = (bytes: Uint8Array) => bytes.subarray(0, -12);
/** The last byte of a checksum, changed. */
function wrongSum(bytes: Buffer, fromEnd: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[changed.length - fromEnd]! ^= 1;
  return changed;
}

it.each<readonly [string, string, Buffer]>([
  ['MGH', 'a.mgh', mgh()],
  ['MGZ', 'a.mgz', gzipSync(mgh())],
  ['GIPL', 'a.gipl', gipl()],
  ['compressed GIPL', 'a.gipl.gz', gzipSync(gipl())],
  [
    'compressed MetaImage with its size',
    'a.mha',
    meta({ CompressedData: 'True', CompressedDataSize: deflateSync(little).length }, deflateSync(little)),
  ],
  // MetaIO gives zeros for it.
  ['compressed MetaImage without its size', 'a.mha', meta({ CompressedData: 'True' }, deflateSync(little))],
  ['MetaImage of the other byte order', 'a.mha', meta({ BinaryDataByteOrderMSB: 'True' }, big)],
  ['MetaImage as text', 'a.mha', meta({ BinaryData: 'False' }, Buffer.from(`${[...STORED].join(' ')}\n`))],
  ['compressed NRRD', 'a.nrrd', nrrd({ encoding: 'gzip' }, gzipSync(little))],
  ['NRRD as text', 'a.nrrd', nrrd({ encoding: 'ascii' }, Buffer.from([...STORED].join(' ')))],
  ['NRRD with bytes to skip', 'a.nrrd', nrrd({ 'byte skip': -1 }, Buffer.concat([Buffer.alloc(7), little]))],
])('reads %s', async (_, name, content) => {
  const { data, shape } = await readImage(fileWith(name, content));
  expect(shape).toEqual([3, 4, 5]);
  expect(data).toEqual(STORED);
});

describe('a file that lacks some of its voxels is an error, not zeros', () => {
  it.each<readonly [string, string, Buffer, string]>([
    ['MGH', 'a.mgh', cut(mgh()) as Buffer, 'that is 120 bytes; it has 108'],
    ['MGZ', 'a.mgz', gzipSync(cut(mgh())), 'that is 120 bytes; it has 108'],
    ['MGZ inside of its compression', 'a.mgz', cut(gzipSync(mgh())) as Buffer, 'ends in the middle'],
    ['MGZ without its checksum', 'a.mgz', gzipSync(mgh()).subarray(0, -8), 'ends in the middle'],
    ['MGZ with another checksum', 'a.mgz', wrongSum(gzipSync(mgh()), 6), 'incorrect data check'],
    ['GIPL', 'a.gipl', cut(gipl()) as Buffer, 'that is 120 bytes; it has 108'],
    ['MetaImage', 'a.mha', cut(meta({})) as Buffer, 'that is 120 bytes; it has 108'],
    [
      'compressed MetaImage',
      'a.mha',
      cut(meta({ CompressedData: 'True' }, deflateSync(little))) as Buffer,
      'ends in the middle',
    ],
    [
      'MetaImage with another checksum',
      'a.mha',
      wrongSum(meta({ CompressedData: 'True' }, deflateSync(little)), 1),
      'incorrect data check',
    ],
    ['NRRD', 'a.nrrd', cut(nrrd({})) as Buffer, 'that is 120 bytes; it has 108'],
    [
      'NRRD with another checksum',
      'a.nrrd',
      wrongSum(nrrd({ encoding: 'gzip' }, gzipSync(little)), 6),
      'incorrect data check',
    ],
  ])('%s', async (_, name, content, problem) => {
    const error = await failure(fileWith(name, content));
    expect(error).toMatchObject({ code: 'DMX_IMAGE_READ', problem: expect.stringContaining(problem) });
  });
});

describe('what a header announces is refused before memory is taken', () => {
  const few = Buffer.alloc(100);
  const bombs: readonly (readonly [string, string, Buffer, string, string])[] = [
    [
      'MGZ of a million slices',
      'a.mgz',
      gzipSync(mgh([1000, 1, 1_000_000], 0, few)),
      'DMX_IMAGE_SIZE',
      '1000000000 bytes',
    ],
    ['MetaImage', 'a.mha', meta({ DimSize: '20000 60000 60000' }, few), 'DMX_IMAGE_SIZE', '144000000000000 bytes'],
    [
      'a gigabyte as MetaImage',
      'a.mha',
      meta({ DimSize: '1000 1000 500' }, few),
      'DMX_IMAGE_READ',
      '1000000000 bytes; it has 100',
    ],
    [
      'compressed MetaImage',
      'a.mha',
      meta({ DimSize: '900 900 600', CompressedData: 'True' }, deflateSync(few)),
      'DMX_IMAGE_SIZE',
      '972000000 bytes',
    ],
    [
      'numbers per voxel',
      'a.mha',
      meta({ ElementNumberOfChannels: 2_000_000 }),
      'DMX_IMAGE_READ',
      '2000000 numbers each',
    ],
    ['NRRD', 'a.nrrd', nrrd({ sizes: '1000 1000 250' }, few), 'DMX_IMAGE_READ', '500000000 bytes; it has 100'],
    [
      'NRRD as text',
      'a.nrrd',
      nrrd({ sizes: '1000 1000 250', encoding: 'txt' }, few),
      'DMX_IMAGE_READ',
      '500000000 bytes',
    ],
    ['two milliards of axes', 'a.mha', meta({ NDims: 2_000_000_000 }), 'DMX_IMAGE_READ', 'it has 2000000000 axes'],
    ['as NRRD', 'a.nrrd', nrrd({ dimension: 2_000_000_000 }), 'DMX_IMAGE_READ', 'it has 2000000000 axes'],
  ];
  it.each(bombs)('%s', async (_, name, content, code, problem) => {
    for (const read of [readImage, inspectImage]) {
      expect(await failure(fileWith(name, content), read)).toMatchObject({
        code,
        problem: expect.stringContaining(problem),
      });
    }
  });

  it('compressed data is counted where it would be more than 64 MiB', async () => {
    // 50 MB, nearly all of them zeros, in 120 kB: 70 MB could be in it, and are not.
    const data = Buffer.alloc(50_000_000);
    for (let at = 0; at < 80_000; at += 4) data.writeInt32LE(Math.imul(at, 2654435761) >> 1, at);
    const content = nrrd({ sizes: '1000 1000 35', encoding: 'gzip' }, gzipSync(data));
    const error = await failure(fileWith('a.nrrd', content), inspectImage);
    expect(error).toMatchObject({
      code: 'DMX_IMAGE_READ',
      problem: expect.stringContaining('70000000 bytes; it has 50000000'),
    });
  });

  it('data that goes on for ever after its voxels', async () => {
    const content = gzipSync(Buffer.concat([mgh(), Buffer.alloc(2 ** 26 + 2 ** 20)]));
    expect((await failure(fileWith('a.mgz', content))).problem).toContain('goes on for more than 67108864 bytes');
  });
});

describe('headers that place or name nothing', () => {
  it.each<readonly [string, string, Buffer, string, string]>([
    ['a singular matrix', 'a.mha', meta({ TransformMatrix: '1 0 0 1 0 0 0 0 1' }), 'DMX_IMAGE_GEOMETRY', 'is singular'],
    ['a singular matrix in MGH', 'a.mgh', mgh(SIDES, 4, big, Array(9).fill(0)), 'DMX_IMAGE_GEOMETRY', 'is singular'],
    ['a spacing of 0', 'a.mha', meta({ ElementSpacing: '0 1 1' }), 'DMX_IMAGE_GEOMETRY', 'is singular'],
    ['an offset that is no number', 'a.mha', meta({ Offset: 'nan 1 1' }), 'DMX_IMAGE_READ', 'its Offset is "nan 1 1"'],
    ['a type of unknown width', 'a.mha', meta({ ElementType: 'MET_LONG' }), 'DMX_IMAGE_READ', 'type MET_LONG'],
    ['an unknown encoding', 'a.nrrd', nrrd({ encoding: 'bzip2' }), 'DMX_IMAGE_READ', 'the encoding "bzip2"'],
    [
      'voxels of another folder',
      'a.mhd',
      meta({ ElementDataFile: '../b.raw' }),
      'DMX_IMAGE_READ',
      'outside of its folder',
    ],
  ])('%s', async (_, name, content, code, problem) => {
    expect(await failure(fileWith(name, content))).toMatchObject({ code, problem: expect.stringContaining(problem) });
  });

  it('a pipe or a device, as image or as the file of its voxels', async () => {
    const header = fileWith('a.mhd', meta({ ElementDataFile: 'pipe' }, Buffer.alloc(0)));
    const folder = dirname(header);
    execFileSync('mkfifo', [join(folder, 'pipe'), join(folder, 'b.mha')]);
    symlinkSync('/dev/zero', join(folder, 'c.mgz'));
    expect((await failure(header)).problem).toContain('is a named pipe');
    expect(await failure(join(folder, 'b.mha'))).toMatchObject({ code: 'DMX_FILE_READ' });
    expect(await failure(join(folder, 'c.mgz'))).toMatchObject({ code: 'DMX_FILE_READ' });
  });
});
