import { ItkError } from '../errors.js';
import type { SliceHeader } from './header.js';
import { storedRange } from './stored.js';

/** What a stored number means: slope * stored + intercept (PS3.3 C.11.1). */
export interface Rescale {
  readonly slope: number;
  readonly intercept: number;
}

const CURE = 'export the series again, or convert it to NIfTI with a program whose result you can check';

function sliceError(file: string, problem: string): ItkError {
  return new ItkError('DMX_DICOM_SLICE', { file, problem, fix: CURE });
}

const attributes = ({ slope, intercept }: SliceHeader) =>
  [slope === null ? [] : [`RescaleSlope ${slope}`], intercept === null ? [] : [`RescaleIntercept ${intercept}`]]
    .flat()
    .join(' and ') || 'neither RescaleSlope nor RescaleIntercept';

/**
 * The scale of each slice, its own.
 *
 * @throws ItkError `DMX_DICOM_SLICE` for a scale that is no number or 0, one that a table stands for, and where some slices
 * have a scale and others none.
 */
export function rescalesOf(slices: readonly SliceHeader[]): readonly Rescale[] {
  const [first] = slices;
  for (const slice of slices) {
    const { file, slope, intercept, hasLookupTable } = slice;
    if (hasLookupTable)
      throw sliceError(file, 'gives its intensities by a table (ModalityLUTSequence), which is not read');
    if (slope === 0 || !Number.isFinite(slope ?? 1) || !Number.isFinite(intercept ?? 0)) {
      throw sliceError(file, `has ${attributes(slice)}, which is no scale`);
    }
    const isAlike =
      (slope === null) === (first!.slope === null) && (intercept === null) === (first!.intercept === null);
    if (!isAlike) {
      const problem = `has ${attributes(slice)}; ${first!.file} of the same series has ${attributes(first!)}`;
      throw sliceError(file, problem);
    }
  }
  return slices.map(({ slope, intercept }) => ({ slope: slope ?? 1, intercept: intercept ?? 0 }));
}

/** Intensities as volumes have them while the slices of a series are put into them. */
export type Intensities = Int16Array | Int32Array | Float32Array;

/**
 * Memory for the intensities of a series, in the smallest of int16 and int32 that holds whatever its bits can say, or float32
 * where a scale is a fraction.
 */
export function intensitiesFor(
  slices: readonly SliceHeader[],
  rescales: readonly Rescale[],
  voxels: number,
): Intensities {
  const ends = slices.flatMap(({ pixels }, index) => {
    const { slope, intercept } = rescales[index]!;
    return storedRange(pixels).map((end) => slope * end + intercept);
  });
  const isWhole = rescales.every(({ slope, intercept }) => Number.isInteger(slope) && Number.isInteger(intercept));
  const fits = (bits: number) => ends.every((end) => end >= -(2 ** (bits - 1)) && end < 2 ** (bits - 1));
  if (!isWhole || !fits(32)) return new Float32Array(voxels);
  return fits(16) ? new Int16Array(voxels) : new Int32Array(voxels);
}
