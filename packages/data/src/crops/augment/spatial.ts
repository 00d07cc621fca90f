import type { Index3 } from '@dinomix/core';

/** Maps an output voxel to a place in the input, both relative to the middle of the crop, `[z, y, x]` voxels. */
export type Matrix3 = readonly [
  readonly [number, number, number],
  readonly [number, number, number],
  readonly [number, number, number],
];

/** Rotation about z by an angle in radians, in the sense of batchgenerators' `rotate_coords_3d`. */
export function rotation(angle: number): Matrix3 {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  return [
    [1, 0, 0],
    [0, c, s],
    [0, -s, c],
  ];
}

/** Factors below 1 enlarge what is seen. */
export function scaling(factor: number): Matrix3 {
  return [
    [factor, 0, 0],
    [0, factor, 0],
    [0, 0, factor],
  ];
}

/** The eight voxels around a place with their weights; false where the place lies outside. */
class Corners {
  readonly at = new Int32Array(8);
  readonly weight = new Float64Array(8);
  private readonly shape: Index3;

  constructor(shape: Index3) {
    this.shape = shape;
  }

  set(z: number, y: number, x: number): boolean {
    const [depth, height, width] = this.shape;
    // Rounding of the middle must not push the border out.
    const slack = 1e-9;
    if (!(z >= -slack && y >= -slack && x >= -slack)) return false;
    if (!(z <= depth - 1 + slack && y <= height - 1 + slack && x <= width - 1 + slack)) return false;
    const [z0, y0, x0] = [clampFloor(z, depth), clampFloor(y, height), clampFloor(x, width)];
    const [fz, fy, fx] = [fraction(z, z0), fraction(y, y0), fraction(x, x0)];
    const [dz, dy, dx] = [z0 + 1 < depth ? height * width : 0, y0 + 1 < height ? width : 0, x0 + 1 < width ? 1 : 0];
    const base = (z0 * height + y0) * width + x0;
    for (let corner = 0; corner < 8; corner++) {
      const [up, down, right] = [corner & 4, corner & 2, corner & 1];
      this.at[corner] = base + (up ? dz : 0) + (down ? dy : 0) + (right ? dx : 0);
      this.weight[corner] = (up ? fz : 1 - fz) * (down ? fy : 1 - fy) * (right ? fx : 1 - fx);
    }
    return true;
  }
}

function clampFloor(position: number, size: number): number {
  return Math.min(Math.max(Math.floor(position), 0), size - 1);
}

function fraction(position: number, floor: number): number {
  return Math.min(Math.max(position - floor, 0), 1);
}

function eachPlace(shape: Index3, matrix: Matrix3, visit: (index: number, inside: boolean) => void, corners: Corners) {
  const [depth, height, width] = shape;
  const middle = shape.map((size) => (size - 1) / 2) as unknown as Index3;
  const [mz, my, mx] = matrix;
  let index = 0;
  for (let k = 0; k < depth; k++) {
    for (let j = 0; j < height; j++) {
      for (let i = 0; i < width; i++, index++) {
        const [z, y, x] = [k - middle[0], j - middle[1], i - middle[2]];
        const inside = corners.set(
          mz[0] * z + mz[1] * y + mz[2] * x + middle[0],
          my[0] * z + my[1] * y + my[2] * x + middle[1],
          mx[0] * z + mx[1] * y + mx[2] * x + middle[2],
        );
        visit(index, inside);
      }
    }
  }
}

/** Resamples an image by trilinear interpolation, in place; outside of it is 0. */
export function resampleImage(image: Float32Array, shape: Index3, matrix: Matrix3): void {
  const source = image.slice();
  const corners = new Corners(shape);
  const { at, weight } = corners;
  const visit = (index: number, inside: boolean): void => {
    let sum = 0;
    if (inside) for (let corner = 0; corner < 8; corner++) sum += weight[corner]! * source[at[corner]!]!;
    image[index] = sum;
  };
  eachPlace(shape, matrix, visit, corners);
}

/**
 * Resamples a label in place: a voxel becomes the class that has half of the interpolation weight or more, the greater of
 * two with half each, and background where none has, as batchgenerators does.
 */
export function resampleLabel(label: Uint8Array, shape: Index3, matrix: Matrix3): void {
  const source = label.slice();
  const corners = new Corners(shape);
  const { at, weight } = corners;
  const shares = new Float64Array(256);
  const visit = (index: number, inside: boolean): void => {
    let chosen = 0;
    if (inside) {
      for (let corner = 0; corner < 8; corner++) shares[source[at[corner]!]!]! += weight[corner]!;
      for (let corner = 0; corner < 8; corner++) {
        const value = source[at[corner]!]!;
        if (shares[value]! >= 0.5 - 1e-12 && value > chosen) chosen = value;
      }
      for (let corner = 0; corner < 8; corner++) shares[source[at[corner]!]!] = 0;
    }
    label[index] = chosen;
  };
  eachPlace(shape, matrix, visit, corners);
}
