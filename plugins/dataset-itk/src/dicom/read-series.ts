import { resolve } from 'node:path';
import type { Volume } from '@dinomix/volume';
import { placeSeries } from './placement.js';
import { chooseSeries, type DicomScan, scanDicomFolder } from './scan.js';
import { withoutCopies } from './twins.js';
import { readVoxels } from './voxels.js';

/** How to read a DICOM series. */
export interface ReadDicomOptions {
  /** SeriesInstanceUID, where a folder holds several. */
  readonly series?: string;
  /** Largest deviation from even slices, as a share of their distance. Default 0.1. */
  readonly spacingTolerance?: number;
  /** The most bytes of voxels, 4 each. Default 2^30. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

/** A DICOM series as a volume. */
export interface DicomVolume {
  readonly volume: Volume;
  readonly series: { readonly uid: string; readonly description: string; readonly modality: string };
  /** Files in the order of the slices. */
  readonly files: readonly string[];
  /** What was left out or assumed. */
  readonly notes: readonly string[];
}

const MAX_BYTES = 2 ** 30;
const SPACING_TOLERANCE = 0.1;

function ignoredNote(ignored: DicomScan['ignored']): string[] {
  if (ignored.length === 0) return [];
  const [first] = ignored;
  const more = ignored.length - 1;
  const others = more === 0 ? '' : `, and ${more} other file${more === 1 ? '' : 's'}`;
  return [`ignored ${first!.file}, which ${first!.reason}${others}`];
}

/** Where the slices of a folder lie, without their voxels. @throws as {@link readDicomSeries}. */
export async function placeDicomSeries(folder: string, options: ReadDicomOptions = {}) {
  const path = resolve(folder);
  const scan = await scanDicomFolder(path);
  const series = chooseSeries(scan, path, options.series);
  const { kept, notes } = await withoutCopies(series.slices);
  const placed = placeSeries(kept, options.spacingTolerance ?? SPACING_TOLERANCE);
  return { path, series, placed, notes: [...ignoredNote(scan.ignored), ...notes, ...placed.notes] };
}

/**
 * Reads the DICOM series of a folder.
 *
 * @param folder - holds the files of one series, in any order and under any names; subfolders are not looked at
 * @returns intensities [d, h, w] with RescaleSlope and RescaleIntercept applied (HU for CT): int16 where all fit, else int32,
 * float32 where a slope is a fraction; slices in the order of their positions; spacing in mm; the affine to RAS+ mm.
 * @remarks The grid is that of the positions in the files (see {@link placeSeries}). Every slice is read by its own bits and its
 * own scale; ITK decodes compressed pixels and must agree about order and place. A file that is another one's image again is left
 * out with a note.
 * @throws ItkError `DMX_DICOM_SERIES`, `DMX_DICOM_SLICE`, `DMX_DICOM_GEOMETRY`, `DMX_IMAGE_SIZE`, `DMX_IMAGE_READ`.
 */
export async function readDicomSeries(folder: string, options: ReadDicomOptions = {}): Promise<DicomVolume> {
  const { path, series, placed, notes } = await placeDicomSeries(folder, options);
  const volume = await readVoxels(placed, path, { maxBytes: options.maxBytes ?? MAX_BYTES, signal: options.signal });
  const { uid, description, modality } = series;
  return { volume, series: { uid, description, modality }, files: placed.slices.map(({ file }) => file), notes };
}
