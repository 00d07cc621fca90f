import type { Crop, Index3, PatchSampling } from '@dinomix/core';
import { createRng, type Rng, type RngKey, subStream } from '@dinomix/volume';
import { drawStrong } from './augment/plan.js';
import type { LabelIndex } from './label-index.js';

/** A case with its volume's shape. */
export interface Placed {
  readonly caseId: string;
  /** `[d, h, w]` voxels. */
  readonly shape: Index3;
}

/** Corner of a crop along one axis of a volume that is smaller than the crop: it is padded evenly. */
function paddedCorner(size: number, patch: number): number {
  return -Math.floor((patch - size) / 2);
}

function mapAxes(shape: Index3, patch: Index3, corner: (size: number, side: number, axis: number) => number): Index3 {
  return shape.map((size, axis) => {
    const side = patch[axis]!;
    return size < side ? paddedCorner(size, side) : corner(size, side, axis);
  }) as unknown as Index3;
}

/** Corner of a uniform crop, by the rules of {@link PatchSampling.upperOffset} and {@link PatchSampling.margin}. */
export function uniformCorner(
  shape: Index3,
  patch: Index3,
  { upperOffset, margin }: Pick<PatchSampling, 'upperOffset' | 'margin'>,
  rng: Rng,
): Index3 {
  return shape.map((size, axis) => {
    const side = patch[axis]!;
    if (margin === undefined && size < side) return paddedCorner(size, side);
    const added = margin === undefined || size > side ? 0 : Math.floor((side - size) / 2) + margin;
    const limit = size + 2 * added - side + (upperOffset === 'inclusive' ? 1 : 0);
    return (limit <= 0 ? 0 : rng.integer(0, limit)) - added;
  }) as unknown as Index3;
}

/** Corner of the crop with a voxel in its middle, as far as the volume allows. */
export function centredCorner(shape: Index3, patch: Index3, voxel: Index3): Index3 {
  return mapAxes(shape, patch, (size, side, axis) =>
    Math.min(Math.max(voxel[axis]! - Math.floor(side / 2), 0), size - side),
  );
}

/** Corner of a crop that contains a voxel, each such crop equally likely. */
export function containingCorner(shape: Index3, patch: Index3, voxel: Index3, rng: Rng): Index3 {
  return mapAxes(shape, patch, (size, side, axis) => {
    const low = Math.max(0, voxel[axis]! - side + 1);
    const high = Math.min(size - side, voxel[axis]!);
    return rng.integer(low, high + 1);
  });
}

/** Draws a flip for each axis that may be flipped; the other axes make no draw. */
export function drawFlips(axes: PatchSampling['flips'], rng: Rng): Crop['flips'] {
  return [0, 1, 2].map((axis) => axes.includes(axis as 0 | 1 | 2) && rng.chance(0.5)) as [boolean, boolean, boolean];
}

/** A random voxel of a random foreground class that the volume has; null when it has none. */
function foregroundVoxel(index: LabelIndex, rng: Rng): Index3 | null {
  const present = index.counts.flatMap((count, classIndex) => (classIndex > 0 && count > 0 ? [classIndex] : []));
  if (present.length === 0) return null;
  const classIndex = rng.choice(present);
  return index.voxel(classIndex, rng.integer(0, index.counts[classIndex]!));
}

/** Corner of a drawn crop: around a foreground voxel, or anywhere. */
function drawCorner(
  shape: Index3,
  patch: Index3,
  sampling: PatchSampling,
  index: LabelIndex | null,
  key: RngKey,
): Index3 {
  if (index !== null && sampling.foreground > 0) {
    const rng = createRng(subStream(key, 'foreground'));
    const voxel = rng.chance(sampling.foreground) ? foregroundVoxel(index, rng) : null;
    if (voxel !== null) return centredCorner(shape, patch, voxel);
  }
  return uniformCorner(shape, patch, sampling, createRng(subStream(key, 'offset')));
}

/**
 * Draws the crop of one item of a batch. Offset, flips, the choice of a foreground voxel and the augmentation have streams
 * of their own, so that switching one off leaves the others as they are.
 * @param key - seed, stream, epoch and item of the crop.
 * @param index - voxels by class, for labelled crops; null draws uniformly.
 */
export function drawCrop(
  { caseId, shape }: Placed,
  patch: Index3,
  sampling: PatchSampling,
  index: LabelIndex | null,
  key: RngKey,
): Crop {
  const flips = drawFlips(sampling.flips, createRng(subStream(key, 'flip')));
  const crop = { caseId, offset: drawCorner(shape, patch, sampling, index, key), flips };
  if (sampling.augmentation !== 'strong') return crop;
  return { ...crop, augmentation: drawStrong(createRng(subStream(key, 'augmentation'))) };
}

/** The orders of a part of the batch: those in use, and none from longer ago. */
const ORDERS_KEPT = 4;

/**
 * Gives the case of each item of an epoch: the split is gone through in a new random order again and again, so that within
 * each pass of an epoch every case comes once.
 * @param stream - name of the random stream, one for each part of the batch.
 */
export function createCaseOrder(
  cases: readonly string[],
  seed: number,
  stream: string,
): (epoch: number, item: number) => string {
  const orders = new Map<string, readonly number[]>();
  return (epoch, item) => {
    const pass = Math.floor(item / cases.length);
    const key = `${epoch}/${pass}`;
    let order = orders.get(key);
    if (order === undefined) {
      order = createRng({ seed, stream: `${stream}/order`, epoch, step: pass }).permutation(cases.length);
      orders.set(key, order);
      if (orders.size > ORDERS_KEPT) orders.delete(orders.keys().next().value!);
    }
    return cases[order[item % cases.length]!]!;
  };
}

/**
 * Steps of an epoch under `auto`: every unlabelled case once, or every labelled case where the batch has no unlabelled part;
 * a last incomplete batch is left out, as DHC's loader does (method.md §2.4).
 */
export function automaticSteps(
  splits: { readonly labelled: number; readonly unlabelled: number },
  batch: typeof splits,
): number {
  const [cases, perStep] =
    batch.unlabelled > 0 ? [splits.unlabelled, batch.unlabelled] : [splits.labelled, batch.labelled];
  return Math.max(1, Math.floor(cases / perStep));
}
