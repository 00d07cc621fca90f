import { VolumeError } from './errors.js';
import type { Triple } from './triple.js';

/** One row of an {@link Affine}: the weights of i, j, k and the offset. */
export type AffineRow = readonly [number, number, number, number];

/** A 4x4 matrix in rows that maps (i, j, k) = (x, y, z) indices to RAS+ mm. The last row is 0 0 0 1. */
export type Affine = readonly [AffineRow, AffineRow, AffineRow, AffineRow];

/** A world position or an (i, j, k) index: x first. */
export type Point = readonly [number, number, number];

const LAST_ROW: AffineRow = [0, 0, 0, 1];

/** Returns the matrix of axis-aligned RAS voxels of the spacing [z, y, x], first voxel at the origin. */
export function affineFromSpacing(spacing: Triple): Affine {
  return [[spacing[2], 0, 0, 0], [0, spacing[1], 0, 0], [0, 0, spacing[0], 0], LAST_ROW];
}

/** Returns the lengths of the matrix columns as spacing in mm, order [z, y, x]. */
export function spacingOf(affine: Affine): Triple {
  const length = (column: 0 | 1 | 2) => Math.hypot(affine[0][column], affine[1][column], affine[2][column]);
  return [length(2), length(1), length(0)];
}

/** Returns the world position in RAS+ mm of the index (i, j, k) = (x, y, z). */
export function applyAffine(affine: Affine, index: Point): Point {
  const at = (row: AffineRow) => row[0] * index[0] + row[1] * index[1] + row[2] * index[2] + row[3];
  return [at(affine[0]), at(affine[1]), at(affine[2])];
}

/** Returns left times right: the map that applies `right` first. */
export function multiplyAffine(left: Affine, right: Affine): Affine {
  const row = (weights: AffineRow): AffineRow => {
    const at = (column: 0 | 1 | 2 | 3) =>
      weights[0] * right[0][column] + weights[1] * right[1][column] + weights[2] * right[2][column];
    return [at(0), at(1), at(2), at(3) + weights[3]];
  };
  return [row(left[0]), row(left[1]), row(left[2]), LAST_ROW];
}

/** Returns the determinant of the 3x3 part: the voxel volume in mm^3, negative where the axes are left-handed. */
export function determinantOf(affine: Affine): number {
  const [a, b, c] = affine;
  return a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) + a[2] * (b[0] * c[1] - b[1] * c[0]);
}

/** Returns the matrix that maps RAS+ mm to (i, j, k). Throws `DMX_VOLUME_ARGUMENT` if the matrix is singular. */
export function invertAffine(affine: Affine): Affine {
  assertAffine(affine);
  const [a, b, c] = affine;
  const scale = 1 / determinantOf(affine);
  const row = (x: number, y: number, z: number): AffineRow => [
    x * scale,
    y * scale,
    z * scale,
    -(x * a[3] + y * b[3] + z * c[3]) * scale,
  ];
  return [
    row(b[1] * c[2] - b[2] * c[1], a[2] * c[1] - a[1] * c[2], a[1] * b[2] - a[2] * b[1]),
    row(b[2] * c[0] - b[0] * c[2], a[0] * c[2] - a[2] * c[0], a[2] * b[0] - a[0] * b[2]),
    row(b[0] * c[1] - b[1] * c[0], a[1] * c[0] - a[0] * c[1], a[0] * b[1] - a[1] * b[0]),
    LAST_ROW,
  ];
}

/**
 * Returns the matrix of a grid whose voxel [0, 0, 0] lies at the fractional voxel `origin` of this one and whose
 * voxels are `step` of this one's apart. Both in the order [z, y, x].
 */
export function regridAffine(affine: Affine, origin: Triple, step: Triple = [1, 1, 1]): Affine {
  const change: Affine = [[step[2], 0, 0, origin[2]], [0, step[1], 0, origin[1]], [0, 0, step[0], origin[0]], LAST_ROW];
  return multiplyAffine(affine, change);
}

/** Returns the largest absolute difference between two matrices' elements. */
export function affineDifference(left: Affine, right: Affine): number {
  let largest = 0;
  for (let row = 0; row < 4; row++) {
    for (let column = 0; column < 4; column++) {
      largest = Math.max(largest, Math.abs(left[row]![column]! - right[row]![column]!));
    }
  }
  return largest;
}

/** Returns the matrix as three lines of text. */
export function formatAffine(affine: Affine): string {
  const line = (row: AffineRow) => `  [${row.map((value) => String(Number(value.toPrecision(7)))).join(', ')}]`;
  return affine.slice(0, 3).map(line).join('\n');
}

/** Throws `DMX_VOLUME_ARGUMENT` unless the matrix is finite, invertible and ends in 0 0 0 1. */
export function assertAffine(affine: Affine): void {
  const problem = affineProblem(affine);
  if (problem === undefined) return;
  throw new VolumeError('DMX_VOLUME_ARGUMENT', {
    problem: `the affine ${problem}:\n${formatAffine(affine)}`,
    fix: 'pass a 4x4 matrix that maps voxel indices to millimetres',
  });
}

/** Returns what keeps a matrix from being a voxel-to-world map, or undefined. */
export function affineProblem(affine: Affine): string | undefined {
  if (!affine.every((row) => row.every(Number.isFinite))) return 'has elements that are not finite';
  if (affine[3].some((value, column) => value !== LAST_ROW[column])) return 'does not end in 0 0 0 1';
  const [z, y, x] = spacingOf(affine);
  if (!(Math.abs(determinantOf(affine)) > 1e-6 * x * y * z)) return 'is singular';
  return undefined;
}

/** A unit quaternion as NIfTI stores it (a follows from b, c, d) with the handedness of the axes. */
export interface Quaternion {
  readonly b: number;
  readonly c: number;
  readonly d: number;
  /** -1 if the third axis is flipped. */
  readonly handedness: 1 | -1;
}

/**
 * Returns the matrix of a NIfTI qform, or undefined if b, c, d are no part of a unit quaternion.
 *
 * @param spacing - mm along [z, y, x]
 * @param origin - RAS+ mm of voxel (0, 0, 0)
 * @remarks nifti1.h, METHOD 2. The slack for b^2 + c^2 + d^2 > 1 is that of float32 storage, as in nibabel.
 */
export function affineFromQuaternion(quaternion: Quaternion, spacing: Triple, origin: Point): Affine | undefined {
  const { b, c, d, handedness } = quaternion;
  const rest = 1 - (b * b + c * c + d * d);
  if (!(rest > -3 * 2 ** -23)) return undefined;
  const a = Math.sqrt(Math.max(0, rest));
  const norm = 2 / (a * a + b * b + c * c + d * d);
  const [sz, sy, sx] = [spacing[0] * handedness, spacing[1], spacing[2]];
  return [
    [(1 - norm * (c * c + d * d)) * sx, norm * (b * c - a * d) * sy, norm * (b * d + a * c) * sz, origin[0]],
    [norm * (b * c + a * d) * sx, (1 - norm * (b * b + d * d)) * sy, norm * (c * d - a * b) * sz, origin[1]],
    [norm * (b * d - a * c) * sx, norm * (c * d + a * b) * sy, (1 - norm * (b * b + c * c)) * sz, origin[2]],
    LAST_ROW,
  ];
}

/**
 * Returns the quaternion of a matrix without shear; with shear the result does not reproduce the matrix.
 *
 * @remarks Shepperd's method: divide by the largest of the four components. The sign is chosen so that a >= 0.
 */
export function quaternionOf(affine: Affine): Quaternion {
  const [sz, sy, sx] = spacingOf(affine);
  const handedness = determinantOf(affine) < 0 ? -1 : 1;
  const [r0, r1, r2] = affine.slice(0, 3).map((row) => [row[0] / sx, row[1] / sy, (row[2] / sz) * handedness]) as [
    [number, number, number],
    [number, number, number],
    [number, number, number],
  ];
  const squares = [
    1 + r0[0] + r1[1] + r2[2],
    1 + r0[0] - r1[1] - r2[2],
    1 - r0[0] + r1[1] - r2[2],
    1 - r0[0] - r1[1] + r2[2],
  ];
  const largest = squares.indexOf(Math.max(...squares));
  const products: readonly (readonly [number, number, number, number])[] = [
    [squares[0]!, r2[1] - r1[2], r0[2] - r2[0], r1[0] - r0[1]],
    [r2[1] - r1[2], squares[1]!, r1[0] + r0[1], r0[2] + r2[0]],
    [r0[2] - r2[0], r1[0] + r0[1], squares[2]!, r2[1] + r1[2]],
    [r1[0] - r0[1], r0[2] + r2[0], r2[1] + r1[2], squares[3]!],
  ];
  const [a, b, c, d] = products[largest]!;
  const scale = (a < 0 ? -1 : 1) / Math.hypot(a, b, c, d);
  return { b: b * scale, c: c * scale, d: d * scale, handedness };
}
