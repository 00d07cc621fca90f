import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SYNAPSE_CLASSES } from '@dinomix/data';
import { createVolume, flip, labelColour, pad, type Volume } from '@dinomix/volume';
import dcmjs from 'dcmjs';
import { describe, expect, it } from 'vitest';
import {
  canTest,
  dicom,
  makeSeries,
  type SeriesSpec,
  segmentationByPydicom,
  temporaryFolder,
} from '../../test/python.js';
import { type DicomVolume, readDicomSeries } from '../dicom/read-series.js';
import { meaningOf } from './anatomy.js';
import { dicomColour } from './cielab.js';
import { readDicomSegmentation } from './read.js';
import { writeDicomSegmentation } from './write.js';

const SYNAPSE = SYNAPSE_CLASSES.map(({ name }) => name);
const classesNamed = (names: readonly string[]) =>
  names.map((name, index) => ({ index, name, colour: labelColour(index) }));

// 9 x 7 pixels are no whole number of bytes: a frame begins in the middle of one.
const SHAPE = [6, 9, 7] as const;

interface Case extends DicomVolume {
  readonly folder: string;
  readonly file: string;
  readonly ids: ReturnType<typeof makeSeries>;
}

async function seriesOf(spec: Partial<SeriesSpec> = {}): Promise<Case> {
  const folder = join(temporaryFolder(), 'series');
  const ids = makeSeries({ shape: SHAPE, spacing: [0.8, 0.7, 2.5], ...spec, out: folder });
  return { ...(await readDicomSeries(folder)), folder, ids, file: join(temporaryFolder(), 'seg.dcm') };
}

/** Every class in every slice; `pick` may take some away. */
function labelsOn({ volume }: DicomVolume, classes: number, pick = (_label: number, _index: number) => true) {
  const data = Uint8Array.from(volume.data, (_, index) => {
    const label = (index * 5 + 3) % classes;
    return pick(label, index) ? label : 0;
  });
  return createVolume({ data, shape: volume.shape, affine: volume.affine });
}

/** The segmentation as dcmjs reads it. */
function segmentationByDcmjs(file: string) {
  const bytes = readFileSync(file);
  const copy = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
  const { DicomMessage, DicomMetaDictionary, BitArray } = dcmjs.data;
  const seg = DicomMetaDictionary.naturalizeDataset(DicomMessage.readFile(copy).dict);
  const one = (value: unknown) => (Array.isArray(value) ? value[0] : value);
  const list = (value: unknown) => (Array.isArray(value) ? value : [value]);
  const area = Number(seg.Rows) * Number(seg.Columns);
  const pixels = BitArray.unpack(one(seg.PixelData));
  const frames = list(seg.PerFrameFunctionalGroupsSequence).map((item, index) => ({
    segment: Number(one(one(item.SegmentIdentificationSequence).ReferencedSegmentNumber)),
    position: list(one(item.PlanePositionSequence).ImagePositionPatient).map(Number),
    pixels: pixels.subarray(index * area, (index + 1) * area),
  }));
  return { seg, segments: list(seg.SegmentSequence), frames, frameCount: Number(seg.NumberOfFrames) };
}

describe.skipIf(!canTest('writing DICOM segmentations'))('writeDicomSegmentation', () => {
  it.each<readonly [string, Partial<SeriesSpec>]>([
    ['axial', {}],
    ['oblique', { orientation: [0.96, 0.28, 0, -0.28, 0.96, 0] }],
    ['coronal', { orientation: [1, 0, 0, 0, 0, -1] }],
  ])('13 organs, %s: pydicom finds every name, frame and voxel', async (_, spec) => {
    const one = await seriesOf(spec);
    const labels = labelsOn(one, 14);
    await writeDicomSegmentation(one.file, labels, { classes: classesNamed(SYNAPSE), files: one.files });
    const seen = segmentationByPydicom(one.file, one.folder);
    expect(seen.data).toEqual(labels.data);
    expect(seen).toMatchObject({
      sopClass: '1.2.840.10008.5.1.4.1.1.66.4',
      modality: 'SEG',
      patient: 'Test^Head',
      study: one.ids.study,
      frameOfReference: one.ids.frameOfReference,
      referencedSeries: one.ids.series,
      referencedInstances: 6,
      framesReferToTheirSlices: true,
      spacing: [2.5, 0.8, 0.7],
    });
    expect(seen.segments.map(({ number, label }) => [number, label])).toEqual(
      SYNAPSE.map((name, i) => [i, name]).slice(1),
    );
    expect(seen.segments[0]!.algorithm).toEqual(['AUTOMATIC', 'DinoMix']);
    expect(seen.segments[1]!.type).toBe('Kidney');
    expect(seen.frames).toBe(6 * 13);
  });

  it('dcmjs finds the same, in patient coordinates', async () => {
    const one = await seriesOf();
    const labels = labelsOn(one, 3);
    await writeDicomSegmentation(one.file, labels, {
      classes: classesNamed(['x', 'liver', 'spleen']),
      files: one.files,
    });
    const { seg, segments, frames, frameCount } = segmentationByDcmjs(one.file);
    expect(seg.StudyInstanceUID).toBe(one.ids.study);
    expect(segments.map(({ SegmentLabel }) => SegmentLabel)).toEqual(['liver', 'spleen']);
    expect(frameCount).toBe(frames.length);
    const found = new Uint8Array(labels.data.length);
    for (const { segment, position, pixels } of frames) {
      // Axial: slices begin at z = 30 and are 2.5 mm apart.
      const slice = (position[2]! - 30) / 2.5;
      pixels.forEach((value, pixel) => {
        if (value !== 0) found[slice * 63 + pixel] = segment;
      });
    }
    expect(found).toEqual(labels.data);
    segments.forEach(({ RecommendedDisplayCIELabValue: lab }, index) => {
      const rgb = dcmjs.data.Colors.dicomlab2RGB(lab).map((share) => Math.round(share * 255));
      expect(rgb).toEqual(labelColour(index + 1));
    });
  });

  it('classes without a voxel are named and have no frame', async () => {
    const one = await seriesOf();
    const labels = labelsOn(one, 14, (label, index) => label === 3 && index >= 63 && index < 3 * 63);
    await writeDicomSegmentation(one.file, labels, { classes: classesNamed(SYNAPSE), files: one.files });
    const seen = segmentationByPydicom(one.file, one.folder);
    expect(seen.data).toEqual(labels.data);
    expect(seen.frames).toBe(2);
    expect(seen.segments.map(({ frames }) => frames)).toEqual([0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('an empty segmentation has one empty frame', async () => {
    const one = await seriesOf();
    const labels = labelsOn(one, 14, () => false);
    await writeDicomSegmentation(one.file, labels, { classes: classesNamed(SYNAPSE), files: one.files });
    const seen = segmentationByPydicom(one.file, one.folder);
    expect(seen.frames).toBe(1);
    expect(seen.segments).toHaveLength(13);
    expect(seen.data.some((value) => value !== 0)).toBe(false);
  });

  it.each([
    ['ISO_IR 100', 'Müller^Jörg'],
    ['ISO_IR 144', 'Люкceмбypг'],
    ['ISO_IR 192', 'Wang^XiaoDong=王^小东'],
    [['', 'ISO 2022 IR 87'] as never, 'Yamada^Tarou=山田^太郎'],
  ])('keeps the letters of %s, and names classes in any', async (charset, patient) => {
    const one = await seriesOf({ charset, patient });
    const names = ['background', 'Leberläsion', '肝臓'];
    await writeDicomSegmentation(one.file, labelsOn(one, 3), { classes: classesNamed(names), files: one.files });
    const seen = segmentationByPydicom(one.file, one.folder);
    expect(seen.patient).toBe(patient);
    expect(seen.segments.map(({ label }) => label)).toEqual(names.slice(1));
  });

  it('writes whole files alone: the old one stays where something is wrong', async () => {
    const one = await seriesOf();
    writeFileSync(one.file, 'old');
    const labels = labelsOn(one, 3);
    const classes = classesNamed(['x', 'a', 'b']);
    const folder = join(one.file, '..');
    const moved = { ...labels, affine: labels.affine.map((row, i) => (i === 2 ? [0, 0, 2.5, 99] : row)) };
    for (const [volume, files] of [
      [moved, one.files],
      [labels, one.files.slice(1)],
      [labels, []],
    ] as const) {
      await expect(
        writeDicomSegmentation(one.file, volume as Volume<Uint8Array>, { classes, files }),
      ).rejects.toMatchObject({ code: 'DMX_DICOM_SEG' });
    }
    expect(readFileSync(one.file, 'utf8')).toBe('old');
    expect(readdirSync(folder)).toEqual(['seg.dcm']);
    await writeDicomSegmentation(one.file, labels, { classes, files: one.files });
    expect(readdirSync(folder)).toEqual(['seg.dcm']);
  });

  it('codes of organs are those that pydicom knows by their names', () => {
    const organs = [
      ...SYNAPSE.slice(1),
      'bladder',
      'prostate',
      'uterus',
      'colon',
      'lung',
      'heart',
      'brain',
      'duodenum',
    ];
    const meanings = organs.map(meaningOf);
    const all = meanings.flatMap(({ type, side }) => [type, ...(side === null ? [] : [side])]);
    const known = dicom<Record<string, string[]>>('snomed', { codes: all.map(([code]) => code) });
    const tissues = organs.filter((_, index) => meanings[index]!.type[2] === 'Tissue');
    expect(tissues).toEqual(['portal and splenic veins']);
    for (const [code, scheme, meaning] of all) {
      expect(scheme).toBe('SCT');
      expect(known[code]!.join(', ').toLowerCase(), `${code} ${meaning}`).toContain(meaning.toLowerCase());
    }
    expect(meaningOf('left_kidney').side?.[2]).toBe('Left');
    expect(meaningOf('lesion').type[2]).toBe('Tissue');
  });
});

it('colours: L*, a*, b* of sRGB red, green, blue and white as published', () => {
  const unscaled = (rgb: readonly [number, number, number]) => {
    const [l, a, b] = dicomColour(rgb);
    return [(l / 65535) * 100, (a / 65535) * 255 - 128, (b / 65535) * 255 - 128];
  };
  // D65, 2 degree observer: the values of every colour calculator.
  const published: readonly (readonly [readonly [number, number, number], readonly number[]])[] = [
    [
      [255, 0, 0],
      [53.24, 80.09, 67.2],
    ],
    [
      [0, 255, 0],
      [87.73, -86.18, 83.18],
    ],
    [
      [0, 0, 255],
      [32.3, 79.19, -107.86],
    ],
    [
      [255, 255, 255],
      [100, 0, 0],
    ],
    [
      [0, 0, 0],
      [0, 0, 0],
    ],
  ];
  for (const [rgb, lab] of published) {
    for (const [axis, value] of unscaled(rgb).entries()) expect(Math.abs(value - lab[axis]!)).toBeLessThan(0.03);
  }
  // What dcmqi writes for these two.
  for (const [rgb, written] of [
    [
      [255, 0, 0],
      [34886, 53484, 50172],
    ],
    [
      [100, 50, 0],
      [17503, 37853, 42429],
    ],
  ] as const) {
    for (const [axis, value] of dicomColour(rgb).entries()) expect(Math.abs(value - written[axis]!)).toBeLessThan(6);
  }
});

describe.skipIf(!canTest('reading DICOM segmentations'))('readDicomSegmentation', () => {
  const names = ['background', 'liver', 'Left_Kidney'];
  const written = async (labels?: (one: Case) => Volume<Uint8Array>, segments = ['x', 'liver', 'left kidney']) => {
    const one = await seriesOf();
    const volume = labels?.(one) ?? labelsOn(one, 3);
    await writeDicomSegmentation(one.file, volume, { classes: classesNamed(segments), files: one.files });
    return { ...one, labels: volume };
  };
  const failure = (file: string, grid: Volume, classes = names) =>
    readDicomSegmentation(file, { grid, classes }).then(
      () => expect.fail('was read'),
      (thrown: { code: string; problem: string }) => thrown,
    );

  it('puts frames where they belong, on the grid of the image', async () => {
    // Only slices 2 and 3 have frames.
    const cropped = await written((one) => labelsOn(one, 3, (_, index) => index >= 2 * 63 && index < 4 * 63));
    const { data } = await readDicomSegmentation(cropped.file, { grid: cropped.volume, classes: names });
    expect(data).toEqual(cropped.labels.data);
  });

  it('onto an image with other axes, a larger image, and not onto a smaller one', async () => {
    const { file, labels, volume } = await written();
    const turned = flip(labels, [true, false, true]);
    const read = (grid: Volume) => readDicomSegmentation(file, { grid, classes: names });
    expect((await read(turned)).data).toEqual(turned.data);
    const wider = pad(labels, [1, 2, 3], [2, 0, 1]);
    expect((await read(wider)).data).toEqual(wider.data);
    const smaller = pad(volume, [-1, 0, 0], [0, 0, 0]);
    expect((await failure(file, smaller)).problem).toContain('begins at voxel (i, j, k) = (0,0,-1) of 7 x 9 x 5');
  });

  it('matches classes by name, and refuses what is no class', async () => {
    const { file, labels, volume } = await written();
    const swapped = await readDicomSegmentation(file, {
      grid: volume,
      classes: ['background', 'left kidney', 'liver'],
    });
    expect(swapped.data).toEqual(labels.data.map((value) => [0, 2, 1][value]!));
    const error = await failure(file, volume, ['background', 'liver']);
    expect(error).toMatchObject({ code: 'DMX_DICOM_SEG' });
    expect(error.problem).toBe('has the segment "left kidney", which is no class: liver');
  });

  it('refuses an image half a voxel away', async () => {
    const { file, volume } = await written();
    const moved = volume.affine.map((row, i) => (i === 0 ? [row[0], row[1], row[2], row[3] + 0.35] : row));
    expect((await failure(file, { ...volume, affine: moved as never })).problem).toContain('does not fit the image');
  });

  it('refuses overlapping segments and names the first voxel', async () => {
    const { file, volume } = await written();
    const bytes = readFileSync(file);
    // The pixels are the last element; all bits set, every voxel is in both segments.
    bytes.fill(0xff, bytes.length - Math.ceil((12 * 63) / 8));
    writeFileSync(file, bytes);
    expect((await failure(file, volume)).problem).toMatch(
      /overlap: "liver" and "Left_Kidney" both have voxel \(i, j, k\) = \(/,
    );
  });

  it('refuses other kinds of files, and damaged ones', async () => {
    const { file, files, volume } = await written();
    expect((await failure(files[0]!, volume)).problem).toContain('is no DICOM segmentation');
    const text = join(temporaryFolder(), 'a.dcm');
    writeFileSync(text, 'hello');
    expect((await failure(text, volume)).problem).toContain('is no DICOM segmentation');
    const bytes = readFileSync(file);
    for (const length of [bytes.length - 20, bytes.length >> 1, 200]) {
      writeFileSync(text, bytes.subarray(0, length));
      expect((await failure(text, volume)).code).toMatch(/DMX_DICOM_SLICE|DMX_DICOM_SEG/);
    }
    dicom('copy', { file, out: text, set: { SegmentationType: 'FRACTIONAL' } });
    expect((await failure(text, volume)).problem).toContain('FRACTIONAL');
  });
});
