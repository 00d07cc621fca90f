import type { Index3 } from '@dinomix/core';
import type { WindowGrid } from './window-grid.js';

/** Rows and columns of a volume that are summed together, through its whole depth. */
export interface Tile {
  /** First row and column, voxels. */
  readonly offset: readonly [y: number, x: number];
  /** Rows and columns, voxels. */
  readonly shape: readonly [h: number, w: number];
  /** First voxels of the windows that touch it. */
  readonly starts: readonly [y: readonly number[], x: readonly number[]];
}

/** How a volume is summed piece by piece. */
export interface Tiling {
  /** Planes that are held at a time. */
  readonly depth: number;
  readonly tiles: readonly Tile[];
}

/** What a tiling depends on. */
export interface TilingRequest {
  /** `[d, h, w]` of the volume, voxels. */
  readonly shape: Index3;
  /** `[d, h, w]` of the windows, voxels. */
  readonly patch: Index3;
  readonly classCount: number;
  /** The most bytes of sums that are held at a time; default {@link MOST_SUM_BYTES}. */
  readonly mostSumBytes?: number;
}

/** One and a half GiB: 64 planes of 512 x 512 voxels in 16 classes take two thirds of it. */
export const MOST_SUM_BYTES = 1.5 * 2 ** 30;

/** Backends fill classes up to whole blocks of so many, at most. */
const LANES = 16;

/** Bytes of the sums of so many voxels. */
export function sumBytes(voxels: number, classCount: number): number {
  return 4 * voxels * LANES * Math.ceil(classCount / LANES);
}

/** Voxels along one axis, and the windows that touch them. */
interface Part {
  readonly from: number;
  readonly to: number;
  readonly starts: readonly number[];
}

/**
 * Parts of an axis, each reaching `overhang` voxels into the next. They begin where windows begin, so that few windows touch two
 * of them; where there are more parts than windows, evenly.
 */
function parts(size: number, side: number, starts: readonly number[], count: number, overhang: number): Part[] {
  const firsts = Array.from({ length: count }, (_, part) => {
    if (part === 0) return 0;
    return count <= starts.length
      ? starts[Math.round((part * starts.length) / count)]!
      : Math.round((part * size) / count);
  });
  return firsts.map((from, part) => {
    const to = part + 1 === count ? size : Math.min(size, firsts[part + 1]! + overhang);
    return { from, to, starts: starts.filter((start) => start < to && start + side > from) };
  });
}

/** Every number of parts up to that of the windows, and twice, four times ... as many. */
function partCounts(size: number, windowCount: number): number[] {
  const counts = Array.from({ length: windowCount }, (_, index) => index + 1);
  for (let count = 2 * windowCount; count <= size; count *= 2) counts.push(count);
  return counts;
}

const longest = (axis: readonly Part[]) => Math.max(...axis.map(({ from, to }) => to - from));
const windows = (axis: readonly Part[]) => axis.reduce((sum, { starts }) => sum + starts.length, 0);

/**
 * Divides a volume into as few tiles as the bytes allow: into one as a rule. A window that touches several tiles is shown to the
 * network for each of them, so of all divisions that with the fewest windows is taken.
 * @param overhang - rows and columns that each tile shares with the next.
 */
export function layTiles(
  { shape, patch, classCount, mostSumBytes = MOST_SUM_BYTES }: TilingRequest,
  [, startsY, startsX]: WindowGrid,
  overhang: number,
): Tiling {
  const depth = Math.min(shape[0], patch[0]);
  const divided = (axis: 1 | 2, starts: readonly number[]) =>
    partCounts(shape[axis], starts.length).map((count) => parts(shape[axis], patch[axis], starts, count, overhang));
  const columns = divided(2, startsX);
  const divisions = divided(1, startsY).flatMap((alongY) =>
    columns.map((alongX) => {
      const bytes = sumBytes(depth * longest(alongY) * longest(alongX), classCount);
      return { alongY, alongX, bytes: Math.max(bytes, mostSumBytes), work: windows(alongY) * windows(alongX) };
    }),
  );
  const { alongY, alongX } = divisions.reduce((best, other) => {
    const order = other.bytes - best.bytes || other.work - best.work;
    return order < 0 ? other : best;
  });
  const tiles = alongY.flatMap((y) =>
    alongX.map((x): Tile => {
      return { offset: [y.from, x.from], shape: [y.to - y.from, x.to - x.from], starts: [y.starts, x.starts] };
    }),
  );
  return { depth, tiles };
}
