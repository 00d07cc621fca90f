import type { VoxelArray } from '@dinomix/volume';

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
  const ordered = data.slice() as T;
  let source = 0;
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) {
      for (let z = 0, target = y * width + x; z < depth; z++, target += height * width)
        ordered[target] = data[source++]!;
    }
  }
  return ordered;
}
