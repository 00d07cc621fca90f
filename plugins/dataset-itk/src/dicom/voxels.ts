import { affineDifference, formatAffine, type Grid, type Volume, voxelCount } from '@dinomix/volume';
import { ItkError } from '../errors.js';
import { voxelsOf } from '../itk/voxels.js';
import { decodeSlices } from './compressed.js';
import type { SliceHeader } from './header.js';
import { isNative, readNative } from './native.js';
import type { PlacedSeries } from './placement.js';
import { type Intensities, intensitiesFor, type Rescale, rescalesOf } from './rescale.js';
import { formatProblem, type PixelArray } from './stored.js';

/** How the voxels of a series are read. */
export interface VoxelOptions {
  /** The most bytes of voxels, 4 each. */
  readonly maxBytes: number;
  readonly signal?: AbortSignal | undefined;
}

// Best ratio of lossless compressions on an image of one value, its header apart.
const BEST_RATIO = 1032;

function assertReadable(slices: readonly SliceHeader[]): void {
  for (const slice of slices) {
    const { file, pixels, photometric, rows, columns, fileBytes } = slice;
    const fix = 'export the series again as 8 or 16 bit grey images';
    const problem = formatProblem(pixels);
    if (problem !== null) throw new ItkError('DMX_DICOM_SLICE', { file, problem, fix });
    if (!/^(MONOCHROME[12])?$/.test(photometric)) {
      const other = `has the PhotometricInterpretation ${photometric}: it is no grey image`;
      throw new ItkError('DMX_DICOM_SLICE', { file, problem: other, fix });
    }
    const bytes = (rows * columns * pixels.bitsAllocated) / 8;
    if (isNative(slice) || bytes <= fileBytes * BEST_RATIO) continue;
    const announced = `announces ${rows} x ${columns} pixels, ${bytes} bytes; the ${fileBytes} of the file cannot hold them`;
    const again = 'the file is damaged: fetch it again';
    throw new ItkError('DMX_IMAGE_SIZE', { file, problem: announced, fix: again });
  }
}

/** ITK must have seen the slices in the place that their headers give. */
function assertSamePlace(found: Grid, grid: Grid, folder: string): void {
  // Where slices are a little uneven, ITK may take another mean.
  const allowed = Math.max(1e-3, 1e-2 * grid.spacing[0]);
  if (grid.shape[0] === 1 || affineDifference(found.affine, grid.affine) <= allowed) return;
  throw new ItkError('DMX_DICOM_GEOMETRY', {
    file: folder,
    problem:
      `ITK placed it by the matrix\n${formatAffine(found.affine)}\n` +
      ` the positions in the files make\n${formatAffine(grid.affine)}`,
    fix: 'convert the series to NIfTI first, for example with dcm2niix, and look at the result',
  });
}

/** Compressed slices that ITK may decode in one call: it takes the type of all from the first. */
function groupsOf(slices: readonly SliceHeader[]): readonly (readonly SliceHeader[])[] {
  const groups = new Map<string, SliceHeader[]>();
  for (const slice of slices.filter((one) => !isNative(one))) {
    const key = JSON.stringify([slice.pixels, slice.transferSyntax]);
    groups.set(key, [...(groups.get(key) ?? []), slice]);
  }
  return [...groups.values()];
}

/** Puts the stored numbers of one slice into a volume, by its own scale. */
function place(target: Intensities, start: number, stored: Volume['data'] | PixelArray, { slope, intercept }: Rescale) {
  for (let index = 0; index < stored.length; index++) target[start + index] = slope * stored[index]! + intercept;
}

/**
 * Reads the voxels of a series whose slices are known to make a grid: each slice by its own bits and its own scale. Pixels that
 * are not compressed are read here, the others decoded by ITK.
 *
 * @param folder - for messages
 * @throws ItkError `DMX_IMAGE_SIZE`, `DMX_IMAGE_READ`, `DMX_DICOM_SLICE`, `DMX_DICOM_GEOMETRY`.
 */
export async function readVoxels(
  { slices, grid }: PlacedSeries,
  folder: string,
  { maxBytes, signal }: VoxelOptions,
): Promise<Volume> {
  const rescales = rescalesOf(slices);
  assertReadable(slices);
  const bytes = 4 * voxelCount(grid.shape);
  if (bytes > maxBytes) {
    const problem = `has [${grid.shape}] voxels (z, y, x), 4 bytes each make ${bytes}; at most ${maxBytes} are possible`;
    throw new ItkError('DMX_IMAGE_SIZE', { file: folder, problem, fix: 'convert the series to NIfTI first' });
  }
  const data = intensitiesFor(slices, rescales, voxelCount(grid.shape));
  const area = grid.shape[1] * grid.shape[2];
  for (const [index, slice] of slices.entries()) {
    if (!isNative(slice)) continue;
    signal?.throwIfAborted();
    place(data, index * area, await readNative(slice), rescales[index]!);
  }
  for (const group of groupsOf(slices)) {
    const found = await decodeSlices(group, folder, signal);
    if (group.length === slices.length) assertSamePlace(found, grid, folder);
    for (const [number, slice] of group.entries()) {
      const index = slices.indexOf(slice);
      const stored = found.data.subarray(number * area, (number + 1) * area);
      place(data, index * area, stored, rescales[index]!);
    }
  }
  return { ...grid, data: voxelsOf(data) };
}
