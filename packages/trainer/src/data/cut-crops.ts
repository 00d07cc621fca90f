import type { Crop, Index3 } from '@dinomix/core';
import { copyBox, flipInPlace, voxelCount } from '@dinomix/volume';

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
}

/** Crops side by side. */
export interface CutResult {
  /** `[b, d, h, w]`. */
  readonly image: Float32Array<ArrayBuffer>;
  /** `[b, d, h, w]`; null unless labels were asked for. */
  readonly label: Uint8Array<ArrayBuffer> | null;
}

/** Cuts crops and flips them. Outside of a volume the image is `padValue` and the label background. */
export function cutCrops({ sources, crops, patch, padValue, labels }: CutRequest): CutResult {
  const size = voxelCount(patch);
  const image = new Float32Array(crops.length * size);
  const label = labels ? new Uint8Array(crops.length * size) : null;
  crops.forEach(({ offset, flips }, item) => {
    const source = sources[item]!;
    const box = { offset, shape: patch };
    const part = image.subarray(item * size, (item + 1) * size);
    copyBox(source.image, source.shape, box, part, padValue);
    flipInPlace(part, patch, flips);
    if (label === null) return;
    const classes = label.subarray(item * size, (item + 1) * size);
    copyBox(source.label!, source.shape, box, classes, 0);
    flipInPlace(classes, patch, flips);
  });
  return { image, label };
}
