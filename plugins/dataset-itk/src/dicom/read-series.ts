import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { affineDifference, formatAffine, type Grid, settleNonFinite, type Volume, voxelCount } from '@dinomix/volume';
import { ItkError } from '../errors.js';
import { imageOfAnswer } from '../image/read-image.js';
import { callItk } from '../itk/call.js';
import { gridOfItk } from '../itk/geometry.js';
import type { SliceHeader } from './header.js';
import { type PlacedSeries, placeSeries } from './placement.js';
import { chooseSeries, type DicomScan, scanDicomFolder } from './scan.js';

/** How to read a DICOM series. */
export interface ReadDicomOptions {
  /** SeriesInstanceUID, where a folder holds several. */
  readonly series?: string;
  /** Largest deviation from even slices, as a share of their distance. Default 0.1. */
  readonly spacingTolerance?: number;
  /** The most bytes of voxels as ITK holds them, 4 each. Default 2^30. */
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

/** ITK chooses the type of all voxels by the first file: a series in which only some slopes are fractions would be cut. */
function assertOneScale(slices: readonly SliceHeader[]): void {
  const isWhole = ({ slope, intercept }: SliceHeader) => Number.isInteger(slope) && Number.isInteger(intercept);
  const [first] = slices;
  const other = slices.find((slice) => isWhole(slice) !== isWhole(first!));
  if (other === undefined) return;
  const scale = ({ slope, intercept }: SliceHeader) => `RescaleSlope ${slope}, RescaleIntercept ${intercept}`;
  throw new ItkError('DMX_DICOM_SLICE', {
    file: other.file,
    problem: `has the ${scale(other)}; ${first!.file} has the ${scale(first!)}: whole and fractional scales in one series`,
    fix: 'convert the series to NIfTI first, for example with dcm2niix',
  });
}

function ignoredNote(ignored: DicomScan['ignored']): string[] {
  if (ignored.length === 0) return [];
  const [first] = ignored;
  const more = ignored.length - 1;
  const others = more === 0 ? '' : `, and ${more} other file${more === 1 ? '' : 's'}`;
  return [`ignored ${first!.file}, which ${first!.reason}${others}`];
}

/** ITK must have put the same files in the same places. */
function assertAgrees(found: Volume, isSameOrder: boolean, grid: Grid, folder: string): void {
  // Where slices are a little uneven, ITK may take another mean.
  const allowed = 1e-2 * grid.spacing[0];
  const isSamePlace = grid.shape[0] === 1 || affineDifference(found.affine, grid.affine) <= Math.max(1e-3, allowed);
  const isSameShape = found.shape.every((size, axis) => size === grid.shape[axis]);
  if (isSameOrder && isSamePlace && isSameShape) return;
  throw new ItkError('DMX_DICOM_GEOMETRY', {
    file: folder,
    problem:
      `ITK read [${found.shape}] voxels (z, y, x) with the matrix\n${formatAffine(found.affine)}\n` +
      ` the positions in the files make [${grid.shape}] with\n${formatAffine(grid.affine)}`,
    fix: 'convert the series to NIfTI first, for example with dcm2niix, and look at the result',
  });
}

/** Reads the voxels of a series whose slices are known to make a grid. */
async function readPlaced(
  placed: PlacedSeries,
  folder: string,
  { maxBytes = MAX_BYTES, signal }: ReadDicomOptions,
): Promise<Volume> {
  const { slices, grid } = placed;
  assertOneScale(slices);
  const bytes = 4 * voxelCount(grid.shape);
  if (bytes > maxBytes) {
    const problem = `has [${grid.shape}] voxels (z, y, x), ${bytes} bytes as ITK holds them; at most ${maxBytes} are possible`;
    throw new ItkError('DMX_IMAGE_SIZE', { file: folder, problem, fix: 'convert the series to NIfTI first' });
  }
  // ITK sees the folders of the files alone, so that it cannot follow links.
  const targets = await Promise.all(slices.map(({ file }) => realpath(file)));
  const answer = await callItk({ kind: 'read-series', files: targets }, signal);
  const fix =
    'a file of the series is damaged, or in a compression that ITK does not know: decompress with gdcmconv --raw';
  const { image, files } = imageOfAnswer(answer, folder, fix);
  const found: Volume = { ...gridOfItk(image), data: image.data };
  const isSameOrder = targets.every((file, index) => file === files[index]);
  assertAgrees(found, isSameOrder, grid, folder);
  settleNonFinite(found.data, grid.shape, folder, undefined);
  return { ...grid, data: found.data };
}

/** Where the slices of a folder lie, without their voxels. @throws as {@link readDicomSeries}. */
export async function placeDicomSeries(folder: string, options: ReadDicomOptions = {}) {
  const path = resolve(folder);
  const scan = await scanDicomFolder(path);
  const series = chooseSeries(scan, path, options.series);
  const placed = placeSeries(series.slices, options.spacingTolerance ?? SPACING_TOLERANCE);
  return { path, series, placed, notes: [...ignoredNote(scan.ignored), ...placed.notes] };
}

/**
 * Reads the DICOM series of a folder.
 *
 * @param folder - holds the files of one series, in any order and under any names; subfolders are not looked at
 * @returns intensities [d, h, w] with RescaleSlope and RescaleIntercept applied (HU for CT): int16 where all fit, else int32,
 * float32 where a slope is a fraction; slices in the order of their positions; spacing in mm; the affine to RAS+ mm.
 * @remarks The grid is that of the positions in the files (see {@link placeSeries}); ITK decodes the pixels, compressed
 * ones too, and must agree about order and place.
 * @throws ItkError `DMX_DICOM_SERIES`, `DMX_DICOM_SLICE`, `DMX_DICOM_GEOMETRY`, `DMX_IMAGE_SIZE`, `DMX_IMAGE_READ`.
 */
export async function readDicomSeries(folder: string, options: ReadDicomOptions = {}): Promise<DicomVolume> {
  const { path, series, placed, notes } = await placeDicomSeries(folder, options);
  const volume = await readPlaced(placed, path, options);
  const { uid, description, modality } = series;
  return { volume, series: { uid, description, modality }, files: placed.slices.map(({ file }) => file), notes };
}
