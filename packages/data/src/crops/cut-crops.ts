import type { Crop, Index3, PatchSampling } from '@dinomix/core';
import { copyBox, voxelCount } from '@dinomix/volume';
import { augment } from './augment/apply.js';

/** A prepared volume as far as crops need it. */
export interface CropSource {
  readonly shape: Index3;
  /** `[d, h, w]`. */
  readonly image: Float32Array;
  /** `[d, h, w]`; null without ground truth. */
  readonly label: Uint8Array | null;
}

/** What to cut: `crops[i]` out of `sources[i]`. */
export interface CutRequest {
  readonly sources: readonly CropSource[];
  readonly crops: readonly Crop[];
  /** `[d, h, w]`, voxels. */
  readonly patch: Index3;
  /** Intensity outside of the volume. */
  readonly padValue: number;
  /** Whether labels are cut too; every source then has one. */
  readonly labels: boolean;
  /** Classes that change places when an axis is flipped; absent or null for none. */
  readonly swap?: PatchSampling['swap'];
}

/** Crops side by side. */
export interface CutResult {
  /** `[b, d, h, w]`. */
  readonly image: Float32Array<ArrayBuffer>;
  /** `[b, d, h, w]`; null unless labels were asked for. */
  readonly label: Uint8Array<ArrayBuffer> | null;
}

/** For each class the one that it becomes, or null where none changes. */
function exchanged(swap: PatchSampling['swap'], flips: Crop['flips']): Uint8Array | null {
  if (swap == null || !flips[swap.axis]) return null;
  const table = Uint8Array.from({ length: 256 }, (_, value) => value);
  for (const [left, right] of swap.pairs) [table[left], table[right]] = [right, left];
  return table;
}

/** Cuts crops, flips and augments them. Outside of a volume the image is `padValue` and the label background. */
export function cutCrops({ sources, crops, patch, padValue, labels, swap }: CutRequest): CutResult {
  const size = voxelCount(patch);
  const image = new Float32Array(crops.length * size);
  const label = labels ? new Uint8Array(crops.length * size) : null;
  crops.forEach(({ offset, flips, augmentation = [] }, item) => {
    const source = sources[item]!;
    const box = { offset, shape: patch };
    const part = image.subarray(item * size, (item + 1) * size);
    copyBox(source.image, source.shape, box, part, padValue, flips);
    const classes = label?.subarray(item * size, (item + 1) * size) ?? null;
    if (classes !== null) {
      copyBox(source.label!, source.shape, box, classes, 0, flips);
      const table = exchanged(swap, flips);
      if (table !== null) for (let index = 0; index < size; index++) classes[index] = table[classes[index]!]!;
    }
    augment(part, classes, patch, augmentation);
  });
  return { image, label };
}
