import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { affineDifference, formatAffine, type Volume, writeFileAtomic } from '@dinomix/volume';
import { headerOf } from '../dicom/header.js';
import { type ParsedDicom, parseHeader } from '../dicom/parse.js';
import { type PlacedSeries, placeSeries } from '../dicom/placement.js';
import { ItkError } from '../errors.js';
import type { LabelClass } from '../image/write-image.js';
import { encodeFile } from './encode.js';
import { packFrames } from './frames.js';
import { SEGMENTATION_STORAGE, segmentationOf } from './module.js';

/** How to write a DICOM segmentation. */
export interface WriteSegmentationOptions {
  /** With the background, in the order of their values: class k becomes segment k. */
  readonly classes: readonly LabelClass[];
  /** Files of the series that was segmented, all of them. */
  readonly files: readonly string[];
  /** Name of what segmented it (SegmentAlgorithmName). Default `DinoMix`. */
  readonly algorithm?: string;
  /** SeriesDescription. Default `DinoMix segmentation`. */
  readonly description?: string;
}

// As DICOM's bits count: a segment number has 16.
const MOST_SEGMENTS = 65535;
// PS3.5 B.2: a UUID as one integer.
const newUid = () => `2.25.${BigInt(`0x${randomUUID().replaceAll('-', '')}`)}`;

function problemAt(file: string, problem: string, fix: string): ItkError {
  return new ItkError('DMX_DICOM_SEG', { file, problem, fix });
}

async function sourceOf(files: readonly string[], output: string) {
  const parsed: ParsedDicom[] = [];
  const headers = [];
  for (const file of files) {
    const one = await parseHeader(file);
    const header = one === null ? null : headerOf(one);
    if (one === null || header === null) {
      throw problemAt(file, 'is no DICOM image any more', 'give the files that readDicomSeries read');
    }
    parsed.push(one);
    headers.push(header);
  }
  if (parsed.length === 0) {
    const fix = 'write .nii.gz, .nrrd or .mha, or segment a DICOM series';
    throw problemAt(output, 'a DICOM segmentation needs the DICOM series that was segmented', fix);
  }
  return { parsed: parsed[0]!, placed: placeSeries(headers, Number.POSITIVE_INFINITY) };
}

function assertSameGrid(labels: Volume<Uint8Array>, { grid }: PlacedSeries, file: string): void {
  const isSame = labels.shape.every((size, axis) => size === grid.shape[axis]);
  // The same numbers went into both; a hundredth of a millimetre is not a voxel of anything.
  if (isSame && affineDifference(labels.affine, grid.affine) < 1e-2) return;
  const problem =
    `the labels have [${labels.shape}] voxels (z, y, x) and the matrix\n${formatAffine(labels.affine)}\n` +
    ` the series has [${grid.shape}] and\n${formatAffine(grid.affine)}`;
  throw problemAt(file, problem, 'bring the labels to the grid of the series first');
}

/**
 * Writes class indices as a DICOM segmentation (BINARY, PS3.3 A.51) to a temporary name, synced, renamed.
 *
 * @param labels - [d, h, w] on the grid of the series, as `readDicomSeries` gives it
 * @remarks Every class becomes a segment with its name and colour, also one without voxels, so that class and segment
 * number are the same; frames without voxels are left out. Patient, study and frame of reference are those of the series,
 * and each frame refers to the image that it was made from.
 * @throws ItkError `DMX_DICOM_SEG` where labels and series do not belong together; VolumeError `DMX_FILE_WRITE`.
 */
export async function writeDicomSegmentation(
  path: string,
  labels: Volume<Uint8Array>,
  options: WriteSegmentationOptions,
): Promise<void> {
  const file = resolve(path);
  const { classes, files, algorithm = 'DinoMix', description = 'DinoMix segmentation' } = options;
  const segments = classes.length - 1;
  if (segments < 1 || segments > MOST_SEGMENTS || classes.some(({ index }, place) => index !== place)) {
    throw problemAt(file, `${classes.length} classes are no segments`, 'give the classes 0, 1, ... in their order');
  }
  const source = await sourceOf(files, file);
  assertSameGrid(labels, source.placed, file);
  const packed = packFrames(labels.data, labels.shape, segments);
  const sopInstance = newUid();
  const dataset = segmentationOf({
    source: source.parsed,
    placed: source.placed,
    classes: classes.slice(1),
    packed,
    algorithm,
    description,
    uids: { instance: sopInstance, series: newUid(), dimensions: newUid() },
    time: new Date(),
  });
  await writeFileAtomic(file, encodeFile(SEGMENTATION_STORAGE, sopInstance, dataset));
}
