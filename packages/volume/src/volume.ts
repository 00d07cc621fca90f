import { VolumeError } from './errors.js';
import { type Affine, affineFromSpacing, assertAffine, spacingOf } from './geometry.js';
import type { Triple } from './triple.js';

/** Voxel values in memory. */
export type VoxelArray = Uint8Array | Int16Array | Uint16Array | Int32Array | Float32Array | Float64Array;

/**
 * Where the voxels of a volume lie.
 *
 * @remarks
 * `shape` and `spacing` are in the order of memory, z, y, x. `affine` is in the order of the NIfTI standard: it maps
 * the index (i, j, k) = (x, y, z) to RAS+ millimetres, so column 0 belongs to x. It equals nibabel's `img.affine`.
 */
export interface Grid {
  /** Voxels along [z, y, x], that is [d, h, w]. */
  readonly shape: Triple;
  /** Millimetres between voxel centres along [z, y, x]. */
  readonly spacing: Triple;
  /** Maps (i, j, k) = (x, y, z) to RAS+ mm: rows are right, anterior, superior. */
  readonly affine: Affine;
}

/**
 * A 3D image: `data[(z * h + y) * w + x]` on a {@link Grid}. NIfTI stores x fastest, so its bytes are in this order.
 */
export interface Volume<T extends VoxelArray = VoxelArray> extends Grid {
  readonly data: T;
}

/** What {@link createVolume} needs. Spacing and affine may be left out: each follows from the other, or is 1 mm. */
export interface VolumeInit<T extends VoxelArray> {
  readonly data: T;
  readonly shape: Triple;
  readonly spacing?: Triple;
  readonly affine?: Affine;
}

/**
 * Returns a checked volume.
 *
 * @throws VolumeError `DMX_VOLUME_ARGUMENT` if the shape is not three positive integers, the data has another length,
 * the spacing is not positive, or spacing and affine disagree by more than one part in a thousand.
 */
export function createVolume<T extends VoxelArray>(init: VolumeInit<T>): Volume<T> {
  assertShape(init.shape);
  const count = voxelCount(init.shape);
  if (init.data.length !== count) {
    throw new VolumeError('DMX_VOLUME_ARGUMENT', {
      problem: `the data has ${init.data.length} values, the shape [${init.shape}] needs ${count}`,
      fix: 'pass data and shape of one volume, shape in the order [d, h, w]',
    });
  }
  return { data: init.data, ...createGrid(init.shape, init.spacing, init.affine) };
}

/** Returns a checked grid; see {@link createVolume} for the errors. */
export function createGrid(shape: Triple, spacing?: Triple, affine?: Affine): Grid {
  assertShape(shape);
  if (spacing !== undefined) assertSpacing(spacing);
  if (affine === undefined) {
    const known = spacing ?? [1, 1, 1];
    return { shape, spacing: known, affine: affineFromSpacing(known) };
  }
  assertAffine(affine);
  const derived = spacingOf(affine);
  if (spacing === undefined) return { shape, spacing: derived, affine };
  if (spacing.some((value, axis) => Math.abs(value - derived[axis]!) > 1e-3 * value)) {
    throw new VolumeError('DMX_VOLUME_ARGUMENT', {
      problem: `the spacing [${spacing}] mm is not that of the affine, [${derived}] mm (order z, y, x)`,
      fix: 'leave the spacing out: it follows from the affine',
    });
  }
  return { shape, spacing, affine };
}

/** Returns d * h * w. */
export function voxelCount(shape: Triple): number {
  return shape[0] * shape[1] * shape[2];
}

/** Returns the voxel [z, y, x] of an index into the data. */
export function voxelAt(index: number, shape: Triple): Triple {
  const slice = shape[1] * shape[2];
  const inSlice = index % slice;
  return [Math.floor(index / slice), Math.floor(inSlice / shape[2]), inSlice % shape[2]];
}

/** Throws `DMX_VOLUME_ARGUMENT` unless the shape is three positive integers. */
export function assertShape(shape: readonly number[]): void {
  if (shape.length === 3 && shape.every((size) => Number.isSafeInteger(size) && size > 0)) return;
  throw new VolumeError('DMX_VOLUME_ARGUMENT', {
    problem: `[${shape}] is not a volume's shape`,
    fix: 'pass three positive integers [d, h, w]',
  });
}

/** Throws `DMX_VOLUME_ARGUMENT` unless the spacing is three positive finite numbers. */
export function assertSpacing(spacing: readonly number[]): void {
  if (spacing.length === 3 && spacing.every((step) => Number.isFinite(step) && step > 0)) return;
  throw new VolumeError('DMX_VOLUME_ARGUMENT', {
    problem: `[${spacing}] is not a spacing`,
    fix: 'pass three positive numbers of millimetres [z, y, x]',
  });
}

/** Returns a new zero-filled array of the same element type. */
export function allocateLike<T extends VoxelArray>(source: T, length: number): T {
  const create = source.constructor as new (length: number) => T;
  return new create(length);
}

/** Views of voxel bytes, one per element size. */
export type BitArray = Uint8Array | Uint16Array | Uint32Array | Float64Array;

/**
 * Returns the same memory seen through one fixed type for each element size.
 *
 * @remarks Loops that only move voxels use it: four element kinds at most keep V8's element access polymorphic,
 * where six make it generic and several times slower.
 */
export function bitsOf(data: VoxelArray): BitArray {
  const { buffer, byteOffset, length } = data;
  switch (data.BYTES_PER_ELEMENT) {
    case 1:
      return new Uint8Array(buffer, byteOffset, length);
    case 2:
      return new Uint16Array(buffer, byteOffset, length);
    case 4:
      return new Uint32Array(buffer, byteOffset, length);
    default:
      return new Float64Array(buffer, byteOffset, length);
  }
}
