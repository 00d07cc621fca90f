import type { Index3 } from '@dinomix/core';
import type { Rng } from '@dinomix/volume';

/** A box in a crop. */
export interface PlacedBox {
  readonly from: Index3;
  readonly size: Index3;
}

function mapAxes(value: (axis: 0 | 1 | 2) => number): Index3 {
  return [value(0), value(1), value(2)];
}

/** Sides drawn from U(low, high) of the crop's sides, rounded, at least one voxel. */
export function drawSize(crop: Index3, [low, high]: readonly [number, number], rng: Rng): Index3 {
  return mapAxes((axis) => Math.max(1, Math.round(crop[axis] * rng.uniform(low, high))));
}

/** The box of this size around a voxel, moved as little as needed to lie inside the crop. */
export function boxAround(voxel: Index3, size: Index3, crop: Index3): PlacedBox {
  const from = mapAxes((axis) =>
    Math.min(Math.max(voxel[axis] - Math.floor(size[axis] / 2), 0), crop[axis] - size[axis]),
  );
  return { from, size };
}

/** A corner for a box of this size, uniform over all places inside the crop. */
export function drawCorner(size: Index3, crop: Index3, rng: Rng): Index3 {
  return mapAxes((axis) => rng.integer(0, crop[axis] - size[axis] + 1));
}

/** Voxels per class `[k]`. */
export function countClasses(labels: Uint8Array, classCount: number): Float64Array {
  const counts = new Float64Array(classCount);
  for (const label of labels) counts[label]! += 1;
  return counts;
}

/**
 * A voxel of the class, each equally likely. A random voxel and not the centroid: tubular organs have theirs outside.
 * @param labels - class indices `[d, h, w]` of one crop.
 * @param count - how many voxels of the class it has, at least 1.
 */
export function drawVoxel(labels: Uint8Array, classIndex: number, count: number, crop: Index3, rng: Rng): Index3 {
  const chosen = rng.integer(0, count);
  let index = labels.indexOf(classIndex);
  for (let seen = 0; seen < chosen; seen++) index = labels.indexOf(classIndex, index + 1);
  const [, height, width] = crop;
  return [Math.floor(index / (height * width)), Math.floor(index / width) % height, index % width];
}
