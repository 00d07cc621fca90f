import type { Index3 } from '@dinomix/core';

/**
 * Finds voxels of a class in a label volume `[d, h, w]`. It keeps counts per slice instead of lists of voxels: a volume has
 * millions of them.
 */
export interface LabelIndex {
  readonly shape: Index3;
  /** Voxels per class `[k]`. */
  readonly counts: readonly number[];
  /**
   * The voxel [z, y, x] of the class with this number, counted in memory order from 0.
   * @throws RangeError when the class has fewer voxels.
   */
  voxel(classIndex: number, number: number): Index3;
}

/** Counts the label once. */
export function createLabelIndex(label: Uint8Array, shape: Index3, classCount: number): LabelIndex {
  const [depth, height, width] = shape;
  const area = height * width;
  const perSlice = new Uint32Array(depth * classCount);
  for (let z = 0, index = 0; z < depth; z++) {
    for (const end = index + area; index < end; index++) perSlice[z * classCount + label[index]!]!++;
  }
  const counts = new Array<number>(classCount).fill(0);
  perSlice.forEach((count, index) => {
    counts[index % classCount]! += count;
  });
  const voxel = (classIndex: number, number: number): Index3 => {
    let left = number;
    let z = 0;
    while (z < depth && left >= perSlice[z * classCount + classIndex]!)
      left -= perSlice[z++ * classCount + classIndex]!;
    if (z === depth)
      throw new RangeError(`class ${classIndex} has ${counts[classIndex]} voxels; asked for number ${number}`);
    let index = label.indexOf(classIndex, z * area);
    for (; left > 0; left--) index = label.indexOf(classIndex, index + 1);
    return [z, Math.floor((index % area) / width), index % width];
  };
  return { shape, counts: Object.freeze(counts), voxel };
}
