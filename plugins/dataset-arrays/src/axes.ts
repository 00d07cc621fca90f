import type { VoxelArray } from '@dinomix/volume';

// Elements that are written side by side, so that neither reading nor writing leaves the cache at each one.
const TILE = 16;

type Sizes = readonly [number, number, number];

/** Order of the axes of an array: `zyx` as SimpleITK gives them, `xyz` as nibabel does. */
export type Axes = 'zyx' | 'xyz';

/** How the elements of an array lie in its file. */
export interface ArrayOrder {
  readonly shape: Sizes;
  readonly axes: Axes;
  /** Whether the first axis runs fastest. */
  readonly fortranOrder: boolean;
}

/** Shape [d, h, w] of an array. */
export function volumeSizes({ shape, axes }: ArrayOrder): Sizes {
  return axes === 'zyx' ? shape : [shape[2], shape[1], shape[0]];
}

/**
 * Returns the elements in the order z, y, x with x fastest; the same array where they lie so already, as those of `xyz` in
 * Fortran order do.
 */
export function orderElements<T extends VoxelArray>(data: T, order: ArrayOrder): T {
  const [depth, height, width] = volumeSizes(order);
  if ((order.axes === 'zyx') !== order.fortranOrder) return data;
  const ordered = new (data.constructor as new (length: number) => T)(data.length);
  for (let start = 0; start < width; start += TILE) {
    const end = Math.min(width, start + TILE);
    for (let y = 0; y < height; y++) {
      for (let z = 0; z < depth; z++) {
        const row = (z * height + y) * width;
        for (let x = start; x < end; x++) ordered[row + x] = data[(x * height + y) * depth + z]!;
      }
    }
  }
  return ordered;
}
