import { copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Affine, affineDifference, createVolume } from '@dinomix/volume';
import { describe, expect, it, vi } from 'vitest';
import {
  CRANIUM,
  canTest,
  dicom,
  ITK_FILES,
  makeSeries,
  PYDICOM_FILES,
  segmentationByPydicom,
  seriesByPydicom,
  temporaryFolder,
} from '../test/python.js';
import { readDicomSeries } from './dicom/read-series.js';
import { readImage } from './image/read-image.js';
import { readDicomSegmentation } from './segmentation/read.js';
import { writeDicomSegmentation } from './segmentation/write.js';

describe.skipIf(!canTest('a head CT as a DICOM series', CRANIUM))('the head CT of invesalius-examples', () => {
  it('108 slices under shuffled names: HU and matrix exact, and a segmentation of it', async () => {
    const folder = join(temporaryFolder(), 'series');
    makeSeries({ out: folder, cranium: true });
    const { volume, files } = await readDicomSeries(folder);
    expect(volume.shape).toEqual([108, 256, 256]);
    expect(volume.spacing).toEqual([1.5, 0.957031, 0.957031]);
    expect(volume.data).toBeInstanceOf(Int16Array);
    const peer = seriesByPydicom(folder);
    expect(affineDifference(volume.affine, peer.affine as unknown as Affine)).toBeLessThan(1e-9);
    let different = 0;
    for (let index = 0; index < volume.data.length; index++) if (volume.data[index] !== peer.data[index]) different++;
    expect(different).toBe(0);
    // Bone as the package's own mask has it: 226 HU and more, 475 759 voxels.
    const data = Uint8Array.from(volume.data, (value) => (value >= 700 ? 2 : value >= 226 ? 1 : 0));
    expect(data.reduce((sum, value) => sum + (value > 0 ? 1 : 0), 0)).toBe(475759);
    const labels = createVolume({ data, shape: volume.shape, affine: volume.affine });
    const file = join(temporaryFolder(), 'seg.dcm');
    const classes = ['background', 'cancellous bone', 'cortical bone'].map((name, index) => ({
      index,
      name,
      colour: [100, 50 * index, 0] as const,
    }));
    await writeDicomSegmentation(file, labels, { classes, files });
    const seen = segmentationByPydicom(file, folder);
    expect(Buffer.compare(seen.data, data)).toBe(0);
    expect(seen.framesReferToTheirSlices).toBe(true);
    const names = classes.map(({ name }) => name);
    const again = await readDicomSegmentation(file, { grid: volume, classes: names });
    expect(Buffer.compare(again.data, data)).toBe(0);
    // dcmqi reads the slices that hold anything, and the names.
    const { readSegmentationNode } = await import('@itk-wasm/dicom');
    const silent = vi.spyOn(console, 'log').mockReturnValue(undefined);
    const { segImage, metaInfo } = await readSegmentationNode(file).finally(() => silent.mockRestore());
    const found = (segImage.data as ArrayLike<number> & Iterable<number>) ?? [];
    let sum = 0;
    for (const value of found) sum += value;
    expect(sum).toBe(data.reduce((total, value) => total + value, 0));
    const { segmentAttributes } = metaInfo as unknown as { segmentAttributes: { SegmentLabel: string }[][] };
    const attributes = segmentAttributes.flat();
    expect(attributes.map(({ SegmentLabel }) => SegmentLabel)).toEqual(['cancellous bone', 'cortical bone']);
  });

  it('is given up within the second where it is told to stop', async () => {
    const folder = join(temporaryFolder(), 'series');
    makeSeries({ out: folder, cranium: true });
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error('enough')), 150);
    await expect(readDicomSeries(folder, { signal: controller.signal })).rejects.toThrow('enough');
  });
});

describe.skipIf(!canTest("pydicom's own files", PYDICOM_FILES))("pydicom's own files", () => {
  /** One file of pydicom alone in a folder. */
  const alone = (name: string, set: object = {}) => {
    const folder = temporaryFolder();
    dicom('copy', { file: join(PYDICOM_FILES, name), out: join(folder, name), set });
    return folder;
  };

  // RLE, JPEG-LS and JPEG 2000 are decoded by ITK; pydicom reads the file that was never compressed.
  it.each([
    'MR_small.dcm',
    'MR_small_implicit.dcm',
    'MR_small_bigendian.dcm',
    'MR_small_RLE.dcm',
    'MR_small_jpeg_ls_lossless.dcm',
    'MR_small_jp2klossless.dcm',
    'MR_small_padded.dcm',
  ])('%s', async (name) => {
    const { volume } = await readDicomSeries(alone(name));
    const peer = seriesByPydicom(alone('MR_small.dcm'));
    expect(volume.shape).toEqual([1, 64, 64]);
    expect(Float32Array.from(volume.data)).toEqual(peer.data);
  });

  it('CT_small.dcm in HU', async () => {
    const folder = alone('CT_small.dcm');
    const { volume, series } = await readDicomSeries(folder);
    const peer = seriesByPydicom(folder);
    expect(series.modality).toBe('CT');
    expect(volume.spacing).toEqual([5, 0.661468, 0.661468]);
    expect(Float32Array.from(volume.data)).toEqual(peer.data);
    for (const row of [0, 1, 2]) expect(volume.affine[row]![3]).toBeCloseTo(peer.affine[row]![3]!, 6);
  });

  it('a file that is cut off is refused, which ITK would fill up with zeros', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'MR_truncated.dcm');
    copyFileSync(join(PYDICOM_FILES, 'MR_truncated.dcm'), file);
    await expect(readDicomSeries(folder)).rejects.toMatchObject({
      code: 'DMX_DICOM_SLICE',
      file,
      problem: 'lacks 62 bytes of its 64 x 64 pixels',
    });
  });

  it('pictures without a place are no series', async () => {
    await expect(readDicomSeries(alone('JPEG2000.dcm'))).rejects.toMatchObject({
      code: 'DMX_DICOM_SERIES',
      problem: expect.stringContaining('an image without a position in the patient'),
    });
  });

  it('the folders of dicomdirtests: a gated CT is read, scouts and gaps are refused', async () => {
    const folder = join(PYDICOM_FILES, 'dicomdirtests', '98892001', 'CT5N');
    const { volume } = await readDicomSeries(folder);
    const peer = seriesByPydicom(folder);
    expect(Float32Array.from(volume.data)).toEqual(peer.data);
    expect(affineDifference(volume.affine, peer.affine as unknown as Affine)).toBeLessThan(1e-5);
    const refused = (...path: string[]) =>
      readDicomSeries(join(PYDICOM_FILES, 'dicomdirtests', ...path)).then(
        () => expect.fail('was read'),
        ({ code, problem }: { code: string; problem: string }) => `${code} ${problem}`,
      );
    expect(await refused('98892001', 'CT2N')).toMatch(/DMX_DICOM_SLICE .*ImageOrientationPatient/);
    expect(await refused('77654033', 'CT2')).toMatch(/DMX_DICOM_GEOMETRY the slices are 1\.25 mm apart, but 202\.5 mm/);
    expect(await refused('98892003', 'MR1')).toMatch(/DMX_DICOM_SERIES holds 3 series/);
  });

  it('liver_1frame.dcm, a segmentation of one frame that describes three', async () => {
    const area = 512 * 512;
    // The plane that its frame states, LPS turned to RAS.
    const affine: Affine = [
      [-0.810547, 0, 0, 235.2],
      [0, -0.810547, 0, 226.8],
      [0, 0, 1, -128.69],
      [0, 0, 0, 1],
    ];
    const grid = createVolume({ data: new Uint8Array(area), shape: [1, 512, 512], affine });
    const file = join(PYDICOM_FILES, 'liver_1frame.dcm');
    const read = (path: string) => readDicomSegmentation(path, { grid, classes: ['background', 'spleen', 'liver'] });
    await expect(read(file)).rejects.toMatchObject({ problem: 'announces 1 frames and describes 3' });
    const mended = join(temporaryFolder(), 'liver.dcm');
    dicom('copy', { file, out: mended, frames: 1 });
    const { data } = await read(mended);
    // Its pixels begin 4316 bytes into the file.
    const bits = readFileSync(file).subarray(4316);
    const expected = Uint8Array.from({ length: area }, (_, pixel) => 2 * ((bits[pixel >> 3]! >> (pixel & 7)) & 1));
    expect(Buffer.compare(data, expected)).toBe(0);
    expect(data.some((value) => value > 0)).toBe(true);
  });
});

const SLICES = existsSync(ITK_FILES)
  ? readdirSync(ITK_FILES).filter((name) =>
      /Direction(Plus|Minus)30\.mhd$|^RatLungSlice\d\.mha$|3Slices\.mha$/.test(name),
    )
  : [];
if (SLICES.length === 0)
  console.log('skipped: real .mha and .mhd files need insighttoolkit5-examples (Debian package)');

/** Header of a MetaImage file by hand. */
function metaHeader(file: string): ReadonlyMap<string, string> {
  const text = readFileSync(file).subarray(0, 4096).toString('latin1');
  const lines = text.split('\n').flatMap((line) => {
    const match = /^(\w+) = (.*?)\r?$/.exec(line);
    return match === null ? [] : [[match[1]!, match[2]!] as const];
  });
  return new Map(lines);
}

describe.skipIf(SLICES.length === 0)('insighttoolkit5-examples', () => {
  it.each(SLICES)('%s: shape and matrix by its header', async (name) => {
    const file = join(ITK_FILES, name);
    const header = metaHeader(file);
    const beside = header.get('ElementDataFile')!;
    if (beside !== 'LOCAL' && !existsSync(join(ITK_FILES, beside))) {
      await expect(readImage(file)).rejects.toMatchObject({ code: 'DMX_IMAGE_READ' });
      return;
    }
    const numbers = (key: string, fallback: readonly number[]) =>
      header.get(key)?.trim().split(/\s+/).map(Number) ?? fallback;
    const size = numbers('DimSize', []);
    const rank = size.length;
    const steps = numbers(
      'ElementSpacing',
      numbers(
        'ElementSize',
        size.map(() => 1),
      ),
    );
    const offset = numbers(
      'Offset',
      numbers(
        'Position',
        size.map(() => 0),
      ),
    );
    const unit = size.flatMap((_, row) => size.map((__, axis) => (row === axis ? 1 : 0)));
    // The matrix lists axis after axis.
    const axes = numbers('TransformMatrix', numbers('Orientation', unit));
    const expected = [0, 1, 2].map((row) => {
      const sign = row < 2 ? -1 : 1;
      const column = (axis: number) =>
        row < rank && axis < rank ? axes[axis * rank + row]! * steps[axis]! : row === axis ? 1 : 0;
      return [...[0, 1, 2].map((axis) => sign * column(axis)), sign * (offset[row] ?? 0)];
    });
    const volume = await readImage(file);
    expect(volume.shape).toEqual([size[2] ?? 1, size[1], size[0]]);
    expect(affineDifference(volume.affine, [...expected, [0, 0, 0, 1]] as unknown as Affine)).toBeLessThan(1e-5);
    expect(new Set(volume.data).size).toBeGreaterThan(10);
  });
});
