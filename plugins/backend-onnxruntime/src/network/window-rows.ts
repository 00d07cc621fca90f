import type { Index3 } from '@dinomix/core';
import { product } from '../lowering/conv-geometry.js';
import type { Mirror } from './windows.js';

/** Rows of a window's result in the sums of a slab. */
export interface RowRequest {
  readonly window: Index3;
  readonly slab: Index3;
  readonly mirror: Mirror;
  /** First voxel of the window. */
  readonly origin: Index3;
}

/** The voxel that each row of the result is; rows outside of the slab name the voxel after its last. */
export function rowsOf({ window, slab, mirror, origin }: RowRequest): BigInt64Array {
  const [depth, height, width] = window;
  const rows = new BigInt64Array(product(window));
  // Writing the low halves is many times faster than writing BigInts; the high halves stay zero.
  const low = new Uint32Array(rows.buffer);
  const outside = product(slab);
  const at = (index: number, axis: 0 | 1 | 2, side: number): number => {
    const position = origin[axis] + (mirror[axis] ? side - 1 - index : index);
    return position < slab[axis] ? position : -1;
  };
  const columns = Array.from({ length: width }, (_, x) => at(x, 2, width));
  let row = 0;
  for (let plane = 0; plane < depth; plane++) {
    const z = at(plane, 0, depth);
    for (let index = 0; index < height; index++) {
      const y = at(index, 1, height);
      const line = z < 0 || y < 0 ? -1 : (z * slab[1] + y) * slab[2];
      for (const x of columns) low[2 * row++] = line < 0 || x < 0 ? outside : line + x;
    }
  }
  return rows;
}

/** Whether no voxel of the window is outside of the slab. */
export function isInside({ window, slab, origin }: Pick<RowRequest, 'window' | 'slab' | 'origin'>): boolean {
  return origin.every((start, axis) => start >= 0 && start + window[axis]! <= slab[axis]!);
}

/** A window [d, h, w, channels] read backwards along the mirrored axes. */
export function mirrored(image: Float32Array, window: Index3, channels: number, mirror: Mirror): Float32Array {
  if (!mirror.some(Boolean)) return image;
  const [depth, height, width] = window;
  const result = new Float32Array(image.length);
  let to = 0;
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      const line = ((mirror[0] ? depth - 1 - z : z) * height + (mirror[1] ? height - 1 - y : y)) * width;
      for (let x = 0; x < width; x++) {
        const from = (line + (mirror[2] ? width - 1 - x : x)) * channels;
        for (let channel = 0; channel < channels; channel++) result[to++] = image[from + channel]!;
      }
    }
  }
  return result;
}
