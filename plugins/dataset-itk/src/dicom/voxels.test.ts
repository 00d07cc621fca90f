import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COLUMNS, dicomSeries, dicomSlice, MR, ROWS, type SliceSpec } from '../../test/make-dicom.js';
import { readDicomSeries } from './read-series.js';

const AREA = ROWS * COLUMNS;
const RAMP = Array.from({ length: AREA }, (_, index) => 10 * index);
const ramp = (slope: number, intercept: number) => RAMP.map((stored) => slope * stored + intercept);
const scale = (slope: string | undefined, intercept: string | undefined): NonNullable<SliceSpec['set']> => ({
  2625618: intercept === undefined ? undefined : ['DS', intercept],
  2625619: slope === undefined ? undefined : ['DS', slope],
});

async function voxels(...specs: readonly SliceSpec[]) {
  const { volume } = await readDicomSeries(dicomSeries(...specs));
  expect(volume.shape).toEqual([specs.length, ROWS, COLUMNS]);
  return volume.data;
}

const failure = (...specs: readonly SliceSpec[]) =>
  readDicomSeries(dicomSeries(...specs)).then(
    () => expect.fail('was read'),
    (thrown: { code: string; file: string; problem: string }) => thrown,
  );

describe('every slice is read by its own scale', () => {
  it.each(['explicit', 'rle'] as const)('whole and fractional ones in one series, %s', async (syntax) => {
    const data = await voxels(
      { syntax },
      { syntax, set: scale('2', '-1000') },
      { syntax, set: scale('0.5', '7.25') },
      { syntax, set: scale('1e-1', '+0') },
    );
    expect(data).toEqual(Float32Array.of(...ramp(1, -1024), ...ramp(2, -1000), ...ramp(0.5, 7.25), ...ramp(0.1, 0)));
  });

  it.each(['explicit', 'rle'] as const)('of an MR image too, %s', async (syntax) => {
    const mr = { 524310: ['UI', MR], 524384: ['CS', 'MR'] } as const;
    const slices = [0, 1].map((): SliceSpec => ({ syntax, set: { ...mr, ...scale('3', '-5') } }));
    expect(await voxels(...slices)).toEqual(Int16Array.of(...ramp(3, -5), ...ramp(3, -5)));
  });

  it.each(['explicit', 'rle'] as const)('and no picture is inverted, %s', async (syntax) => {
    const slices = [0, 1].map((): SliceSpec => ({ syntax, set: { 2621444: ['CS', 'MONOCHROME1'] } }));
    expect(await voxels(...slices)).toEqual(Int16Array.of(...ramp(1, -1024), ...ramp(1, -1024)));
  });

  it.each<readonly [string, NonNullable<SliceSpec['set']>, string]>([
    ['that is 0', scale('0', '-1024'), 'RescaleSlope 0'],
    ['with a comma', scale('0,5', '-1024'), 'RescaleSlope NaN'],
    ['that one slice lacks', scale('1', undefined), 'has RescaleSlope 1; '],
    ['that a table stands for', { 2633728: ['SQ', ''] }, 'ModalityLUTSequence'],
  ])('a scale is refused %s', async (_, set, problem) => {
    const error = await failure({}, { set });
    expect(error).toMatchObject({ code: 'DMX_DICOM_SLICE', problem: expect.stringContaining(problem) });
    expect(error.file).toMatch(/IM1$/);
  });
});

describe('every slice is read by its own bits', () => {
  const own = scale('1', '0');

  it.each(['explicit', 'implicit', 'bigEndian', 'rle'] as const)('%s', async (syntax) => {
    const high = [0, 1, 2047, 2048, 4095, 5, 6, 7, 8, 9, 10, 11];
    const data = await voxels(
      { syntax, stored: high, bits: [16, 12], set: own },
      // The upper four bits of a negative number as its sign.
      { syntax, stored: high.map((value) => value - 2048), bits: [16, 12], signed: true, set: own },
      { syntax, stored: high.map((value) => value * 10 - 32768), signed: true, set: own },
      { syntax, stored: high.map((value) => value % 256), bits: [8, 8], set: own },
    );
    const expected = [high, high.map((v) => v - 2048), high.map((v) => v * 10 - 32768), high.map((v) => v % 256)];
    expect([...data]).toEqual(expected.flat());
  });

  it('negative numbers whose other bits are 0', async () => {
    const stored = [0xfff, 0x800, 0x7ff, ...Array(9).fill(0)];
    const data = await voxels({ stored, bits: [16, 12], signed: true, set: own });
    expect([...data.subarray(0, 3)]).toEqual([-1, -2048, 2047]);
  });

  it('32 of them, and unsigned 16 that need a wider type', async () => {
    const stored = [65535, ...Array(11).fill(1)];
    expect(await voxels({ stored })).toEqual(Int32Array.of(64511, ...Array(11).fill(-1023)));
    const wide = [100_000, ...Array(11).fill(0)];
    expect(await voxels({ stored: wide, bits: [32, 32], signed: true, set: own })).toEqual(Int32Array.of(...wide));
  });

  it('other bits are those of an overlay, or an error', async () => {
    const stored = [0x1005, ...Array(11).fill(0x0005)];
    const error = await failure({}, { stored, bits: [16, 12] });
    expect(error).toMatchObject({
      code: 'DMX_DICOM_SLICE',
      problem: expect.stringContaining('(0, 0) has bits beyond'),
    });
    const overlay = { ...own, 1610612994: ['US', 12] } as const;
    expect([...(await voxels({ stored, bits: [16, 12], set: overlay }))]).toEqual(Array(12).fill(5));
  });

  it.each<readonly [string, SliceSpec]>([
    ['BitsAllocated 12', { set: { 2621696: ['US', 12] } }],
    ['BitsStored 17', { set: { 2621697: ['US', 17] } }],
    ['HighBit 15 with BitsStored 12', { set: { 2621697: ['US', 12] } }],
    ['PhotometricInterpretation PALETTE COLOR', { set: { 2621444: ['CS', 'PALETTE COLOR'] } }],
    ['has 0 rows', { set: { 2621456: ['US', 0] } }],
    ['no usable PixelSpacing', { set: { 2621488: ['DS', '  '] } }],
    ['no usable PixelSpacing', { set: { 2621488: ['DS', '0.7'] } }],
    ['no usable PixelSpacing', { set: { 2621488: ['DS', '0,7\\0,7'] } }],
  ])('refuses: %s', async (problem, spec) => {
    expect(await failure(spec)).toMatchObject({ code: 'DMX_DICOM_SLICE', problem: expect.stringContaining(problem) });
  });
});

describe('files that begin in other ways', () => {
  it.each<readonly [string, SliceSpec]>([
    ['deflated', { syntax: 'deflated' }],
    ['big endian', { syntax: 'bigEndian' }],
    ['implicit', { syntax: 'implicit' }],
    ['without a preamble', { begin: 'meta' }],
    ['run-length encoded without a preamble', { begin: 'meta', syntax: 'rle' }],
    ['implicit without file meta information', { begin: 'data set', syntax: 'implicit' }],
    ['explicit without file meta information', { begin: 'data set' }],
    ['big endian without file meta information', { begin: 'data set', syntax: 'bigEndian' }],
  ])('%s', async (_, spec) => {
    expect(await voxels(spec, spec)).toEqual(Int16Array.of(...ramp(1, -1024), ...ramp(1, -1024)));
  });
});

describe('copies', () => {
  it('of one image are left out with a note', async () => {
    const folder = dicomSeries({}, {}, {});
    const [first, second] = [join(folder, 'IM1'), join(folder, 'IM1 again')];
    copyFileSync(first, second);
    const { volume, files, notes } = await readDicomSeries(folder);
    expect(volume.shape).toEqual([3, ROWS, COLUMNS]);
    expect(files).toHaveLength(3);
    expect(notes).toEqual([`left out ${second}, which is the image of ${first} again (SOPInstanceUID 1.2.3.103)`]);
  });

  it('that differ in their pixels are an error', async () => {
    const folder = dicomSeries({}, {}, {});
    const other = dicomSlice({ height: 2.5, stored: RAMP.map((value) => value + 1) });
    writeFileSync(join(folder, 'other'), other);
    await expect(readDicomSeries(folder)).rejects.toMatchObject({
      code: 'DMX_DICOM_GEOMETRY',
      problem: expect.stringContaining('several images of one position'),
    });
  });

  it('one identity for all slices is that of an anonymiser', async () => {
    const same = { sopInstance: '1.2.3.4' };
    expect(await voxels(same, same)).toHaveLength(2 * AREA);
  });
});

describe('what a file announces is compared with what it holds', () => {
  it('deflated attributes that never end', async () => {
    const folder = dicomSeries({});
    const bomb = dicomSlice({ syntax: 'deflated', height: 2.5, trailing: 2 ** 26 });
    expect(bomb.length).toBeLessThan(2 ** 17);
    writeFileSync(join(folder, 'IM1'), bomb);
    await expect(readDicomSeries(folder)).rejects.toMatchObject({
      code: 'DMX_DICOM_SLICE',
      file: join(folder, 'IM1'),
      problem: expect.stringContaining('inflates to more than 32 MiB'),
    });
  });

  it('compressed pixels of a size that they cannot have', async () => {
    const set = { 2621456: ['US', 16000], 2621457: ['US', 16000] } as const;
    expect(await failure({ syntax: 'rle', set })).toMatchObject({
      code: 'DMX_IMAGE_SIZE',
      problem: expect.stringContaining('announces 16000 x 16000 pixels, 512000000 bytes'),
    });
  });

  it('deflated pixels that were cut off', async () => {
    const folder = dicomSeries({ syntax: 'deflated' });
    const whole = readFileSync(join(folder, 'IM0'));
    writeFileSync(join(folder, 'IM0'), whole.subarray(0, -8));
    await expect(readDicomSeries(folder)).rejects.toMatchObject({ code: 'DMX_DICOM_SLICE' });
  });
});
