import { regridAffine } from './geometry.js';
import {
  allocateLike,
  assertShape,
  bitsOf,
  type Grid,
  type Triple,
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

/** Along one axis: the two source indices of each target index, and the weight of the second. */
interface Taps {
  readonly lower: Int32Array;
  readonly upper: Int32Array;
  readonly weight: Float32Array;
}

// PyTorch computes in float32 (area_pixel_compute_source_index): ratio * (index + 0.5) - 0.5, not below 0.
function linearTaps(from: number, to: number): Taps {
  const lower = new Int32Array(to);
  const upper = new Int32Array(to);
  const weight = new Float32Array(to);
  const ratio = Math.fround(from / to);
  for (let index = 0; index < to; index++) {
    const position = from === to ? index : Math.max(0, Math.fround(Math.fround(ratio * (index + 0.5)) - 0.5));
    const floor = Math.min(Math.floor(position), from - 1);
    lower[index] = floor;
    upper[index] = Math.min(floor + 1, from - 1);
    weight[index] = Math.min(Math.max(position - floor, 0), 1);
  }
  return { lower, upper, weight };
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
  const taps = shape.map((size, axis) => linearTaps(volume.shape[axis]!, size)) as [Taps, Taps, Taps];
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

/** Source planes resized along y and x; the last two are kept, since neighbouring target planes share them. */
class PlaneCache {
  private readonly volume: Volume;
  private readonly tapsY: Taps;
  private readonly tapsX: Taps;
  private readonly planes: [Float32Array, Float32Array];
  private readonly held: [number, number] = [-1, -1];
  private readonly rows: [Float32Array, Float32Array];
  private readonly raw: Float32Array | Float64Array;
  private oldest: 0 | 1 = 0;

  constructor(volume: Volume, tapsY: Taps, tapsX: Taps) {
    const [height, width] = [tapsY.lower.length, tapsX.lower.length];
    this.volume = volume;
    this.tapsY = tapsY;
    this.tapsX = tapsX;
    this.planes = [new Float32Array(height * width), new Float32Array(height * width)];
    this.rows = [new Float32Array(width), new Float32Array(width)];
    this.raw = new Float64Array(volume.shape[2]);
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
    const { lower, upper, weight } = this.tapsY;
    const width = this.tapsX.lower.length;
    const top = z * this.volume.shape[1];
    let [first, second] = this.rows;
    let [heldFirst, heldSecond] = [-1, -1];
    for (let y = 0; y < lower.length; y++) {
      const [a, b] = [lower[y]!, upper[y]!];
      if (a === heldSecond) {
        [first, second] = [second, first];
        [heldFirst, heldSecond] = [heldSecond, heldFirst];
      }
      if (a !== heldFirst) this.resizeRow(top + a, first);
      if (b !== heldSecond) this.resizeRow(top + b, second);
      [heldFirst, heldSecond] = [a, b];
      interpolate(first, second, weight[y]!, plane.subarray(y * width, (y + 1) * width));
    }
  }

  // The typed-array copy converts any element type natively; the loop then sees one type only.
  private resizeRow(row: number, out: Float32Array): void {
    const { raw } = this;
    const { lower, upper, weight } = this.tapsX;
    const width = raw.length;
    raw.set(this.volume.data.subarray(row * width, (row + 1) * width));
    for (let x = 0; x < out.length; x++) {
      const w = weight[x]!;
      out[x] = (1 - w) * raw[lower[x]!]! + w * raw[upper[x]!]!;
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
  let target = 0;
  for (let z = 0; z < shape[0]; z++) {
    for (let y = 0; y < shape[1]; y++) {
      const row = (atZ[z]! * volume.shape[1] + atY[y]!) * volume.shape[2];
      for (let x = 0; x < shape[2]; x++) to[target++] = from[row + atX[x]!]!;
    }
  }
  return { ...grid, data };
}
