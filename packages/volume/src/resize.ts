import { regridAffine } from './geometry.js';
import type { Triple } from './triple.js';
import {
  allocateLike,
  assertShape,
  type BitArray,
  bitsOf,
  type Grid,
  type Volume,
  type VoxelArray,
  voxelCount,
} from './volume.js';

/** How to resize with interpolation. */
export interface ResizeTrilinearOptions {
  /** Receives the result: d * h * w values. */
  readonly out?: Float32Array;
}

/** How to resize without interpolation. */
export interface ResizeNearestOptions<T extends VoxelArray> {
  /**
   * `nearest` takes the source voxel floor(index * in / out), as PyTorch's mode of that name: up to half a voxel off.
   * `nearest-exact` takes the voxel whose centre is nearest, floor((index + 0.5) * in / out). Default `nearest`.
   */
  readonly rule?: 'nearest' | 'nearest-exact';
  /** Receives the result: d * h * w values. */
  readonly out?: T;
}

/**
 * Returns the grid of `shape` voxels over the same box in space: the outer faces of the two grids coincide, as with
 * PyTorch's `align_corners=False`.
 */
export function resizedGrid(source: Grid, shape: Triple): Grid {
  assertShape(shape);
  const ratio = shape.map((size, axis) => source.shape[axis]! / size) as unknown as Triple;
  const origin = ratio.map((step) => (step - 1) / 2) as unknown as Triple;
  const spacing = ratio.map((step, axis) => step * source.spacing[axis]!) as unknown as Triple;
  return { shape, spacing, affine: regridAffine(source.affine, origin, ratio) };
}

// What the loops below read are arrays, numbers and instances of classes: V8 keeps their machine code from volume to volume.
// The hidden class of an object literal dies with the last such object, and the code that knows it is compiled again.

/** Along one axis: the two source indices of each target index, and the weight of the second. */
class Taps {
  readonly lower: Int32Array;
  readonly upper: Int32Array;
  readonly weight: Float32Array;

  // PyTorch computes in float32 (area_pixel_compute_source_index): ratio * (index + 0.5) - 0.5, not below 0.
  constructor(from: number, to: number) {
    this.lower = new Int32Array(to);
    this.upper = new Int32Array(to);
    this.weight = new Float32Array(to);
    const ratio = Math.fround(from / to);
    for (let index = 0; index < to; index++) {
      const position = from === to ? index : Math.max(0, Math.fround(Math.fround(ratio * (index + 0.5)) - 0.5));
      const floor = Math.min(Math.floor(position), from - 1);
      this.lower[index] = floor;
      this.upper[index] = Math.min(floor + 1, from - 1);
      this.weight[index] = Math.min(Math.max(position - floor, 0), 1);
    }
  }
}

/**
 * Returns the volume resized to `shape` [d, h, w] by trilinear interpolation, with the arithmetic of PyTorch's
 * `interpolate(mode='trilinear', align_corners=False)`: no smoothing before a reduction.
 *
 * @remarks Works row by row, along x first: only the rows that are used are read.
 */
export function resizeTrilinear(
  volume: Volume,
  shape: Triple,
  options: ResizeTrilinearOptions = {},
): Volume<Float32Array> {
  const grid = resizedGrid(volume, shape);
  const data = options.out ?? new Float32Array(voxelCount(shape));
  const taps = shape.map((size, axis) => new Taps(volume.shape[axis]!, size)) as [Taps, Taps, Taps];
  const planes = new PlaneCache(volume, taps[1], taps[2]);
  const area = shape[1] * shape[2];
  const [{ lower, upper, weight }] = taps;
  for (let z = 0; z < shape[0]; z++) {
    const first = planes.at(lower[z]!);
    const second = planes.at(upper[z]!);
    interpolate(first, second, weight[z]!, data.subarray(z * area, (z + 1) * area));
  }
  return { ...grid, data };
}

// out = (1 - weight) * first + weight * second
function interpolate(first: Float32Array, second: Float32Array, weight: number, out: Float32Array): void {
  const rest = 1 - weight;
  for (let index = 0; index < out.length; index++) out[index] = rest * first[index]! + weight * second[index]!;
}

function interpolateRow(data: VoxelArray, start: number, { lower, upper, weight }: Taps, out: Float32Array): void {
  for (let x = 0; x < out.length; x++) {
    const w = weight[x]!;
    out[x] = (1 - w) * data[start + lower[x]!]! + w * data[start + upper[x]!]!;
  }
}

/** Source planes resized along y and x; the last two are kept, since neighbouring target planes share them. */
class PlaneCache {
  private readonly data: VoxelArray;
  private readonly height: number;
  private readonly width: number;
  private readonly tapsY: Taps;
  private readonly tapsX: Taps;
  private readonly planes: [Float32Array, Float32Array];
  private readonly held: [number, number] = [-1, -1];
  private readonly rows: [Float32Array, Float32Array];
  private oldest: 0 | 1 = 0;

  constructor({ data, shape }: Volume, tapsY: Taps, tapsX: Taps) {
    const [height, width] = [tapsY.lower.length, tapsX.lower.length];
    this.data = data;
    this.height = shape[1];
    this.width = shape[2];
    this.tapsY = tapsY;
    this.tapsX = tapsX;
    this.planes = [new Float32Array(height * width), new Float32Array(height * width)];
    this.rows = [new Float32Array(width), new Float32Array(width)];
  }

  at(z: number): Float32Array {
    const slot = this.held[0] === z ? 0 : this.held[1] === z ? 1 : undefined;
    if (slot !== undefined) {
      this.oldest = slot === 0 ? 1 : 0;
      return this.planes[slot];
    }
    const filled = this.oldest;
    this.fill(z, this.planes[filled]);
    this.held[filled] = z;
    this.oldest = filled === 0 ? 1 : 0;
    return this.planes[filled];
  }

  private fill(z: number, plane: Float32Array): void {
    const { data, width, tapsX } = this;
    const { lower, upper, weight } = this.tapsY;
    const top = z * this.height;
    const length = tapsX.lower.length;
    let [first, second] = this.rows;
    let [heldFirst, heldSecond] = [-1, -1];
    for (let y = 0; y < lower.length; y++) {
      const [a, b] = [lower[y]!, upper[y]!];
      if (a === heldSecond) {
        [first, second] = [second, first];
        [heldFirst, heldSecond] = [heldSecond, heldFirst];
      }
      if (a !== heldFirst) interpolateRow(data, (top + a) * width, tapsX, first);
      if (b !== heldSecond) interpolateRow(data, (top + b) * width, tapsX, second);
      [heldFirst, heldSecond] = [a, b];
      interpolate(first, second, weight[y]!, plane.subarray(y * length, (y + 1) * length));
    }
  }
}

// PyTorch's nearest_idx in float32; equal and doubled sizes are exact there too.
function nearestIndices(from: number, to: number, offset: number): Int32Array {
  const ratio = Math.fround(from / to);
  return Int32Array.from({ length: to }, (_, index) =>
    from === to ? index : Math.min(Math.floor(Math.fround((index + offset) * ratio)), from - 1),
  );
}

function takePlane(from: BitArray, width: number, atY: Int32Array, atX: Int32Array, to: BitArray): void {
  let target = 0;
  for (let y = 0; y < atY.length; y++) {
    const row = atY[y]! * width;
    for (let x = 0; x < atX.length; x++) to[target++] = from[row + atX[x]!]!;
  }
}

/** Returns the volume resized to `shape` [d, h, w] by taking one source voxel for each target voxel. */
export function resizeNearest<T extends VoxelArray>(
  volume: Volume<T>,
  shape: Triple,
  options: ResizeNearestOptions<T> = {},
): Volume<T> {
  const grid = resizedGrid(volume, shape);
  const data = options.out ?? allocateLike(volume.data, voxelCount(shape));
  const offset = options.rule === 'nearest-exact' ? 0.5 : 0;
  const [atZ, atY, atX] = shape.map((size, axis) => nearestIndices(volume.shape[axis]!, size, offset)) as [
    Int32Array,
    Int32Array,
    Int32Array,
  ];
  const from = bitsOf(volume.data);
  const to = bitsOf(data);
  const [, height, width] = volume.shape;
  const area = shape[1] * shape[2];
  for (let z = 0; z < shape[0]; z++) {
    const start = atZ[z]! * height * width;
    takePlane(from.subarray(start, start + height * width), width, atY, atX, to.subarray(z * area, (z + 1) * area));
  }
  return { ...grid, data };
}
