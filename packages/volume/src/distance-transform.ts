import type { Triple } from './triple.js';
import { assertShape, assertSpacing, type VoxelArray, voxelCount } from './volume.js';

/** How to measure distances. */
export interface DistanceTransformOptions {
  /** Millimetres between voxels [z, y, x]. Default 1, so that distances count voxels. */
  readonly spacing?: Triple;
  /** Whether to return squared distances. Default false. */
  readonly squared?: boolean;
  /** Receives the result: d * h * w values. */
  readonly out?: Float64Array;
}

/**
 * Returns for each voxel of `mask` [d, h, w] that is not 0 the exact Euclidean distance to the nearest voxel that is 0,
 * and 0 for the others: what `scipy.ndimage.distance_transform_edt` returns. Without a voxel that is 0, all are
 * Infinity.
 *
 * @remarks Felzenszwalb, Huttenlocher: Distance transforms of sampled functions (2012): one pass along each axis,
 * each line the lower envelope of parabolas, in O(d h w).
 */
export function distanceTransform(
  mask: VoxelArray,
  shape: Triple,
  options: DistanceTransformOptions = {},
): Float64Array {
  assertShape(shape);
  const spacing = options.spacing ?? [1, 1, 1];
  assertSpacing(spacing);
  const [depth, height, width] = shape;
  const field = options.out ?? new Float64Array(voxelCount(shape));
  scanRows(mask, field, width, spacing[2]);
  const envelope = new Envelope(Math.max(depth, height));
  for (let z = 0; z < depth; z++) {
    const slice = z * height * width;
    for (let x = 0; x < width; x++) envelope.apply(field, slice + x, width, height, spacing[1]);
  }
  for (let start = 0; start < height * width; start++) {
    envelope.apply(field, start, height * width, depth, spacing[0]);
  }
  if (options.squared !== true)
    for (let index = 0; index < field.length; index++) field[index] = Math.sqrt(field[index]!);
  return field;
}

// Along x the field is 0 or infinite at first: two scans that count steps give the squared distances.
function scanRows(mask: VoxelArray, field: Float64Array, width: number, step: number): void {
  for (let row = 0; row < field.length; row += width) {
    let away = Number.POSITIVE_INFINITY;
    for (let index = row; index < row + width; index++) {
      away = mask[index] === 0 ? 0 : away + step;
      field[index] = away;
    }
    away = Number.POSITIVE_INFINITY;
    for (let index = row + width - 1; index >= row; index--) {
      const forward = field[index]!;
      away = forward === 0 ? 0 : away + step;
      const nearest = Math.min(away, forward);
      field[index] = nearest * nearest;
    }
  }
}

/** Replaces lines of a field f by min over q of f(q) + (step * (p - q))^2, with memory for one line. */
class Envelope {
  private readonly values: Float64Array;
  private readonly sites: Int32Array;
  private readonly bounds: Float64Array;

  constructor(longest: number) {
    this.values = new Float64Array(longest);
    this.sites = new Int32Array(longest);
    this.bounds = new Float64Array(longest + 1);
  }

  apply(field: Float64Array, start: number, stride: number, length: number, step: number): void {
    const { values, sites, bounds } = this;
    // Heights are divided by step^2, so that positions are whole numbers.
    const scale = step * step;
    const inverse = 1 / scale;
    let last = -1;
    let isZero = true;
    for (let q = 0, at = start; q < length; q++, at += stride) {
      const raw = field[at]!;
      values[q] = raw;
      if (raw !== 0) isZero = false;
      if (raw === Number.POSITIVE_INFINITY) continue;
      const height = raw * inverse + q * q;
      let bound = Number.NEGATIVE_INFINITY;
      while (last >= 0) {
        const site = sites[last]!;
        bound = (height - values[site]! * inverse - site * site) / (2 * (q - site));
        if (bound > bounds[last]!) break;
        last--;
      }
      if (last < 0) bound = Number.NEGATIVE_INFINITY;
      last++;
      sites[last] = q;
      bounds[last] = bound;
    }
    if (isZero || last < 0) return;
    bounds[last + 1] = Number.POSITIVE_INFINITY;
    for (let p = 0, at = start, k = 0; p < length; p++, at += stride) {
      while (bounds[k + 1]! < p) k++;
      const site = sites[k]!;
      const offset = p - site;
      field[at] = values[site]! + offset * offset * scale;
    }
  }
}
