import { VolumeError } from './errors.js';
import { multiplyAffine, regridAffine } from './geometry.js';
import type { Triple } from './triple.js';
import { allocateLike, assertShape, type Grid, type Volume, type VoxelArray, voxelCount } from './volume.js';

/** A box of voxels: `offset` may lie outside of the volume, on either side. Both in the order [z, y, x]. */
export interface Box {
  readonly offset: Triple;
  readonly shape: Triple;
}

const UNFLIPPED = [false, false, false] as const;

/**
 * Copies a box of `data` [d, h, w] into `out`; what lies outside of the volume becomes `fill`.
 *
 * @param out - receives the box's d * h * w values
 * @param flips - whether the box is reversed along z, y, x
 */
export function copyBox<T extends VoxelArray>(
  data: T,
  shape: Triple,
  box: Box,
  out: T,
  fill = 0,
  flips: readonly [boolean, boolean, boolean] = UNFLIPPED,
): void {
  const [depth, height, width] = shape;
  const [boxDepth, boxHeight, boxWidth] = box.shape;
  const [z0, y0, x0] = box.offset;
  const target = out.subarray(0, voxelCount(box.shape));
  const isInside =
    z0 >= 0 && y0 >= 0 && x0 >= 0 && z0 + boxDepth <= depth && y0 + boxHeight <= height && x0 + boxWidth <= width;
  if (!isInside) target.fill(fill);
  const [firstY, lastY] = [Math.max(0, -y0), Math.min(boxHeight, height - y0)];
  const firstX = Math.max(0, -x0);
  const length = Math.min(boxWidth, width - x0) - firstX;
  if (length <= 0 || lastY <= firstY) return;
  const rowsAt = rowReader(data, lastY - firstY, width, x0 + firstX, length);
  // Reversing the whole box turns all three axes around, in one native call; rows are laid down the other way round before.
  const [backZ, backY] = [flips[0] !== flips[2], flips[1] !== flips[2]];
  for (let z = Math.max(0, -z0); z < boxDepth && z0 + z < depth; z++) {
    const slice = backZ ? boxDepth - 1 - z : z;
    const rows = rowsAt(((z0 + z) * height + y0 + firstY) * width);
    for (let y = firstY; y < lastY; y++) {
      const row = slice * boxHeight + (backY ? boxHeight - 1 - y : y);
      target.set(rows[y - firstY]!, row * boxWidth + firstX);
    }
  }
  if (flips[2]) target.reverse();
}

/** Bytes of a row are moved in words where they lie alike in both places: V8 moves shared memory byte by byte otherwise. */
const WORD = 8;

/**
 * Returns a function that gives `count` consecutive rows of `width` values, each from `first` on for `length`.
 *
 * @remarks They are copied in one piece into memory that is seen through the same views every time: a new view for each row
 * of a crop costs more than its bytes.
 */
function rowReader<T extends VoxelArray>(data: T, count: number, width: number, first: number, length: number) {
  const scratch = allocateLike(data, count * width + WORD);
  const viewsBy: T[][] = [];
  return (start: number): readonly T[] => {
    const ahead = start % WORD;
    scratch.set(data.subarray(start - ahead, start + count * width));
    viewsBy[ahead] ??= Array.from({ length: count }, (_, row) => {
      const from = ahead + row * width + first;
      return scratch.subarray(from, from + length) as T;
    });
    return viewsBy[ahead];
  };
}

/** Returns the box of a volume as a volume in its place in the world; outside of the volume it is `fill`. */
export function crop<T extends VoxelArray>(volume: Volume<T>, box: Box, fill = 0): Volume<T> {
  assertShape(box.shape);
  if (!box.offset.every(Number.isSafeInteger)) {
    throw new VolumeError('DMX_VOLUME_ARGUMENT', {
      problem: `[${box.offset}] is not a box's offset`,
      fix: 'pass three integers [z, y, x]',
    });
  }
  const data = allocateLike(volume.data, voxelCount(box.shape));
  copyBox(volume.data, volume.shape, box, data, fill);
  return { data, shape: box.shape, spacing: volume.spacing, affine: regridAffine(volume.affine, box.offset) };
}

/** Returns the volume with `before` and `after` voxels [z, y, x] of `fill` added on each side. */
export function pad<T extends VoxelArray>(volume: Volume<T>, before: Triple, after: Triple, fill = 0): Volume<T> {
  const shape = volume.shape.map((size, axis) => size + before[axis]! + after[axis]!) as unknown as Triple;
  const offset = before.map((size) => -size) as unknown as Triple;
  return crop(volume, { offset, shape }, fill);
}

/** Returns the box of `shape` in the middle of a volume, at floor((size - shape) / 2). */
export function centreBox(volume: Pick<Grid, 'shape'>, shape: Triple): Box {
  const offset = shape.map((size, axis) => Math.floor((volume.shape[axis]! - size) / 2)) as unknown as Triple;
  return { offset, shape };
}

/**
 * Reverses `data` [d, h, w] along the chosen axes, in place.
 *
 * @param axes - whether to flip z, y, x
 */
export function flipInPlace(data: VoxelArray, shape: Triple, axes: readonly [boolean, boolean, boolean]): void {
  const [depth, height, width] = shape;
  const area = height * width;
  if (axes[2]) for (let row = 0; row < data.length; row += width) data.subarray(row, row + width).reverse();
  if (axes[1]) for (let z = 0; z < depth; z++) swapRows(data.subarray(z * area, (z + 1) * area), height, width);
  if (axes[0]) swapRows(data, depth, area);
}

function swapRows(data: VoxelArray, count: number, length: number): void {
  for (let low = 0, high = count - 1; low < high; low++, high--) {
    const kept = data.slice(low * length, (low + 1) * length);
    data.copyWithin(low * length, high * length, (high + 1) * length);
    data.set(kept, high * length);
  }
}

/**
 * Returns the volume with its axes z, y, x reversed where `axes` says so. The affine follows: every voxel keeps its
 * place in the world.
 */
export function flip<T extends VoxelArray>(volume: Volume<T>, axes: readonly [boolean, boolean, boolean]): Volume<T> {
  const data = volume.data.slice() as T;
  flipInPlace(data, volume.shape, axes);
  const [z, y, x] = axes.map((flipped) => (flipped ? -1 : 1)) as unknown as Triple;
  const last = volume.shape.map((size, axis) => (axes[axis] ? size - 1 : 0)) as unknown as Triple;
  const affine = multiplyAffine(volume.affine, [
    [x, 0, 0, last[2]],
    [0, y, 0, last[1]],
    [0, 0, z, last[0]],
    [0, 0, 0, 1],
  ]);
  return { data, shape: volume.shape, spacing: volume.spacing, affine };
}

/** Returns the smallest box around the voxels that are not 0, or undefined if there are none. */
export function boundingBox(mask: VoxelArray, shape: Triple): Box | undefined {
  const [depth, height, width] = shape;
  const low = [depth, height, width];
  const high = [-1, -1, -1];
  for (let z = 0, row = 0; z < depth; z++) {
    for (let y = 0; y < height; y++, row += width) {
      let first = 0;
      while (first < width && mask[row + first] === 0) first++;
      if (first === width) continue;
      let last = width - 1;
      while (mask[row + last] === 0) last--;
      if (z < low[0]!) low[0] = z;
      high[0] = z;
      if (y < low[1]!) low[1] = y;
      if (y > high[1]!) high[1] = y;
      if (first < low[2]!) low[2] = first;
      if (last > high[2]!) high[2] = last;
    }
  }
  if (high[0]! < 0) return undefined;
  const size = high.map((value, axis) => value - low[axis]! + 1) as unknown as Triple;
  return { offset: low as unknown as Triple, shape: size };
}
