import type { Axis, Index3, InferenceSettings, WindowLook } from '@dinomix/core';
import { copyBox, voxelCount } from '@dinomix/volume';
import type { Tile } from './tiles.js';
import type { WindowGrid } from './window-grid.js';
import { windowStarts, windowStride } from './windows.js';

/** One look at a volume, its origin there. */
export interface RowLook extends WindowLook {
  /** Which of the windows along the depth it belongs to, from 0. */
  readonly row: number;
}

/** Every subset of the axes that are mirrored, the unmirrored look first. */
export function mirrorings(axes: readonly Axis[]): readonly WindowLook['mirrored'][] {
  const distinct = [...new Set(axes)];
  return Array.from({ length: 2 ** distinct.length }, (_, subset) => {
    const mirrored: [boolean, boolean, boolean] = [false, false, false];
    distinct.forEach((axis, bit) => {
      mirrored[axis] = (subset & (1 << bit)) !== 0;
    });
    return mirrored;
  });
}

/** Lays the windows over a volume of `shape`. */
export function layWindows(
  shape: Index3,
  options: Pick<InferenceSettings, 'stride' | 'overlap'> & { readonly patch: Index3 },
): WindowGrid {
  const { patch } = options;
  const stride = windowStride(patch, options);
  const along = (axis: 0 | 1 | 2) => windowStarts(shape[axis], patch[axis], stride[axis]);
  return [along(0), along(1), along(2)];
}

/**
 * Every look at a tile in the order of depth, so that planes are done as early as can be. Of one depth all looks of one
 * mirroring follow each other: networks prepare for it once.
 */
export function looksAt(depths: readonly number[], tile: Tile, mirror: readonly Axis[]): readonly RowLook[] {
  const [startsY, startsX] = tile.starts;
  const ways = mirrorings(mirror);
  return depths.flatMap((z, row) =>
    ways.flatMap((mirrored) =>
      startsY.flatMap((y) => startsX.map((x): RowLook => ({ origin: [z, y, x], mirrored, row }))),
    ),
  );
}

/** Cuts windows `[n, d, h, w]` out of a volume, `padValue` outside of it, into the memory given for them. */
export function cutWindows(
  volume: { readonly shape: Index3; readonly image: Float32Array },
  looks: readonly WindowLook[],
  patch: Index3,
  padValue: number,
  memory: Float32Array,
): Float32Array {
  const size = voxelCount(patch);
  const windows = memory.subarray(0, looks.length * size);
  looks.forEach(({ origin }, index) => {
    const window = windows.subarray(index * size, (index + 1) * size);
    copyBox(volume.image, volume.shape, { offset: origin, shape: patch }, window, padValue);
  });
  return windows;
}
