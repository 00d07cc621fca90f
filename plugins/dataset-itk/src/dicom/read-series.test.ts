import { copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { affineDifference } from '@dinomix/volume';
import { describe, expect, it } from 'vitest';
import {
  canTest,
  dicom,
  makeSeries,
  patternOf,
  type SeriesSpec,
  seriesByPydicom,
  temporaryFolder,
} from '../../test/python.js';
import { type ReadDicomOptions, readDicomSeries } from './read-series.js';

const SHAPE = [5, 8, 7] as const;
const SPACING = [0.8, 0.7, 2.5] as const;

function seriesIn(spec: Partial<SeriesSpec> = {}): string {
  const out = spec.out ?? temporaryFolder();
  makeSeries({ shape: SHAPE, spacing: SPACING, ...spec, out });
  return out;
}

const failure = (folder: string, options?: ReadDicomOptions) =>
  readDicomSeries(folder, options).then(
    () => expect.fail('was read'),
    (thrown: { code: string; file: string; problem: string; fix: string }) => thrown,
  );

describe.skipIf(!canTest('reading DICOM series'))('a DICOM series', () => {
  it.each<readonly [string, Partial<SeriesSpec>]>([
    ['axial', {}],
    ['oblique', { orientation: [0.96, 0.28, 0, -0.28, 0.96, 0] }],
    ['sagittal', { orientation: [0, 1, 0, 0, 0, -1] }],
    ['coronal, run-length encoded', { orientation: [1, 0, 0, 0, 0, -1], rle: true }],
    ['without RescaleSlope', { modality: 'MR', intercept: null }],
    ['with a slope that is a fraction', { slope: 0.5, intercept: -1000 }],
  ])('%s: voxels and matrix are those that pydicom reads', async (_, spec) => {
    const folder = seriesIn(spec);
    const { volume, files, notes } = await readDicomSeries(folder);
    const peer = seriesByPydicom(folder);
    expect(volume.shape).toEqual(SHAPE);
    expect(Float32Array.from(volume.data)).toEqual(peer.data);
    expect(Int16Array.from(volume.data)).toEqual(patternOf(SHAPE));
    expect(volume.data.constructor).toBe(spec.slope === undefined ? Int16Array : Float32Array);
    expect(affineDifference(volume.affine, peer.affine as never)).toBeLessThan(1e-5);
    expect(notes).toEqual([]);
    // Names are shuffled: the order is that of the positions.
    expect([...files].sort()).not.toEqual(files);
  });

  it('of one slice takes its thickness', async () => {
    const { volume } = await readDicomSeries(seriesIn({ shape: [1, 8, 7] }));
    expect(volume.shape).toEqual([1, 8, 7]);
    expect(volume.spacing).toEqual([2.5, 0.8, 0.7]);
  });

  it('lies among other files, which are named', async () => {
    const folder = seriesIn();
    writeFileSync(join(folder, 'AA-readme.txt'), 'no DICOM');
    writeFileSync(join(folder, 'DICOMDIR'), Buffer.alloc(10));
    mkdirSync(join(folder, 'more'));
    const { volume, notes } = await readDicomSeries(folder);
    expect(volume.data).toEqual(patternOf(SHAPE));
    expect(notes).toEqual([`ignored ${join(folder, 'AA-readme.txt')}, which is not DICOM, and 1 other file`]);
  });

  it('may be links to files elsewhere', async () => {
    const [folder, store] = [temporaryFolder(), seriesIn()];
    for (const name of readdirSync(store)) symlinkSync(join(store, name), join(folder, `link-${name}`));
    const { volume, files } = await readDicomSeries(folder);
    expect(volume.data).toEqual(patternOf(SHAPE));
    expect(files.every((file) => file.startsWith(join(folder, 'link-')))).toBe(true);
  });

  it('lies in a folder with spaces, commas and letters of other alphabets', async () => {
    const out = join(temporaryFolder(), 'Fall 3, [Köpf] 頭');
    const { volume } = await readDicomSeries(seriesIn({ out }));
    expect(volume.data).toEqual(patternOf(SHAPE));
  });
});

describe.skipIf(!canTest('refusing DICOM series'))('a folder that is no regular series is refused', () => {
  it('several series are listed, and one can be chosen', async () => {
    const out = seriesIn({ series: '1.2.3.1', description: 'thin' });
    // The other five get other names.
    const second = seriesIn({ series: '1.2.3.2', description: 'thick', shape: [3, 8, 7] });
    for (const name of readdirSync(second)) copyFileSync(join(second, name), join(out, `B${name}`));
    const error = await failure(out);
    expect(error).toMatchObject({ code: 'DMX_DICOM_SERIES', file: out });
    expect(error.problem).toContain('1.2.3.1 "thin" CT, 5 slices');
    expect(error.problem).toContain('1.2.3.2 "thick" CT, 3 slices');
    expect((await readDicomSeries(out, { series: '1.2.3.2' })).volume.shape).toEqual([3, 8, 7]);
    expect((await failure(out, { series: '9.9' })).problem).toContain('holds no series 9.9');
  });

  it('a missing slice is named by its neighbours', async () => {
    for (const skip of [[1], [2], [3]]) {
      const error = await failure(seriesIn({ skip, origin: [0, 0, 10], shape: [6, 8, 7] }));
      expect(error.code).toBe('DMX_DICOM_GEOMETRY');
      const [before, after] = [10 + 2.5 * (skip[0]! - 1), 10 + 2.5 * (skip[0]! + 1)];
      expect(error.problem).toContain('the slices are 2.5 mm apart, but 5 mm between');
      expect(error.problem).toMatch(new RegExp(`0\\\\0\\\\${before}\\) and .*0\\\\0\\\\${after}\\)`));
      expect(error.fix).toContain('fetch the slice that is missing');
    }
  });

  it('uneven slices are refused, a rounded position is not', async () => {
    expect((await failure(seriesIn({ jitter: { 2: 0.4 } }))).code).toBe('DMX_DICOM_GEOMETRY');
    const folder = seriesIn({ jitter: { 2: 0.05 } });
    const { volume } = await readDicomSeries(folder);
    expect(volume.spacing[0]).toBeCloseTo(2.5, 6);
    expect((await failure(folder, { spacingTolerance: 0.01 })).problem).toContain('2.55 mm between');
  });

  it('little differences that add up are refused', async () => {
    // Each gap is 4 % off, the middle ends 0.3 slices away from an even grid.
    const jitter = Object.fromEntries(Array.from({ length: 16 }, (_, k) => [k, k < 8 ? 0.1 * k : 0.1 * (15 - k)]));
    expect((await failure(seriesIn({ shape: [16, 8, 7], jitter }))).code).toBe('DMX_DICOM_GEOMETRY');
  });

  it('a tilted gantry is refused with its angle', async () => {
    const error = await failure(seriesIn({ shift: [0, 0.9, 0] }));
    expect(error.code).toBe('DMX_DICOM_GEOMETRY');
    // atan(0.9 / 2.5) is 19.8 degrees.
    expect(error.problem).toContain('sheared by 19.8 degrees');
  });

  it('two images of one place', async () => {
    const folder = seriesIn({ series: '1.2.3.4' });
    const again = seriesIn({ series: '1.2.3.4' });
    copyFileSync(join(again, 'IM0002'), join(folder, 'again'));
    const error = await failure(folder);
    // The second series has a frame of reference of its own.
    expect(error.problem).toContain('FrameOfReferenceUID');
  });

  it('a slice of another size or direction, a colour image, several frames, no spacing', async () => {
    const change = (set: object, remove: readonly string[] = []) => {
      const folder = seriesIn();
      const file = join(folder, 'IM0001');
      dicom('copy', { file, out: file, set, remove });
      return failure(folder);
    };
    expect((await change({ ImageOrientationPatient: [0, 1, 0, 0, 0, -1] })).problem).toContain(
      'ImageOrientationPatient',
    );
    expect((await change({ ImageOrientationPatient: [1, 0, 0, 1, 0, 0] })).problem).toContain(
      'no pair of unit vectors',
    );
    expect((await change({ Rows: 7 })).problem).toContain('Rows x Columns');
    expect((await change({ NumberOfFrames: 3 })).problem).toContain('multi-frame');
    expect((await change({ PixelSpacing: [0.8, 0.9] })).problem).toContain('PixelSpacing');
    expect(await change({}, ['PixelSpacing'])).toMatchObject({ problem: 'has no usable PixelSpacing' });
  });

  it('a file that is cut off, in its pixels or before', async () => {
    const folder = seriesIn();
    const file = join(folder, 'IM0003');
    const size = readFileSync(file).length;
    truncateSync(file, size - 50);
    expect(await failure(folder)).toMatchObject({
      code: 'DMX_DICOM_SLICE',
      file,
      problem: expect.stringContaining('lacks 50'),
    });
    truncateSync(file, 600);
    expect(await failure(folder)).toMatchObject({ code: 'DMX_DICOM_SLICE', file });
  });

  it('compressed pixels that are damaged', async () => {
    const folder = seriesIn({ rle: true });
    const file = join(folder, 'IM0003');
    truncateSync(file, readFileSync(file).length - 60);
    expect((await failure(folder)).code).toMatch(/DMX_IMAGE_READ|DMX_DICOM_SLICE/);
  });

  it('a folder that is empty, absent, or holds something else', async () => {
    const folder = temporaryFolder();
    expect((await failure(folder)).problem).toContain('it has no files');
    writeFileSync(join(folder, 'notes.txt'), 'x');
    expect((await failure(folder)).problem).toContain('is not DICOM');
    expect((await failure(join(folder, 'nowhere'))).problem).toContain('ENOENT');
  });

  it('more voxels than allowed', async () => {
    expect(await failure(seriesIn(), { maxBytes: 100 })).toMatchObject({ code: 'DMX_IMAGE_SIZE' });
  });

  it('stops when it is told to', async () => {
    await expect(readDicomSeries(seriesIn(), { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow(
      'enough',
    );
  });
});
