import type { Index3, MixItem, SourceRef } from '@dinomix/core';
import { voxelCount } from '@dinomix/volume';

/** Crops side by side as a mix takes them. */
export interface MixSource {
  /** `[b, d, h, w]`. */
  readonly image: Float32Array;
  /** Ground truth `[b, d, h, w]`; null for unlabelled crops. */
  readonly label: Uint8Array | null;
}

/** One mixed view as far as the host knows it. All arrays are `[b, d, h, w]`. */
export interface MixedArrays {
  readonly image: Float32Array;
  /** Class where the target is ground truth, else 0. */
  readonly label: Int32Array;
  /** 1 where the target is ground truth, else 0. */
  readonly truth: Float32Array;
  /** Where the target is a pseudo-label: its voxel in the unlabelled crops `[b, d, h, w]`, flattened. Else 0. */
  readonly pick: Int32Array;
}

interface Box {
  readonly from: Index3;
  readonly to: Index3;
  readonly size: Index3;
}

/** Calls `row(source, target, length)` for each row of a box, as offsets within one crop. */
function forEachRow(
  { from, to, size }: Box,
  patch: Index3,
  row: (from: number, to: number, length: number) => void,
): void {
  const [, height, width] = patch;
  const at = ([z, y, x]: Index3, dz: number, dy: number) => ((z + dz) * height + y + dy) * width + x;
  for (let dz = 0; dz < size[0]; dz++) {
    for (let dy = 0; dy < size[1]; dy++) row(at(from, dz, dy), at(to, dz, dy), size[2]);
  }
}

/**
 * Applies the items of a plan: a whole crop each, then the boxes over it in order. Image, target and origin of the target
 * get the same mask, because they are copied by the same rows.
 */
export function applyPlan(
  items: readonly MixItem[],
  sources: Readonly<Record<SourceRef['set'], MixSource | null>>,
  patch: Index3,
): MixedArrays {
  const size = voxelCount(patch);
  const image = new Float32Array(items.length * size);
  const label = new Int32Array(image.length);
  const truth = new Float32Array(image.length);
  const pick = new Int32Array(image.length);
  const copyRow = (source: MixSource, from: number, to: number, length: number): void => {
    image.set(source.image.subarray(from, from + length), to);
    if (source.label !== null) {
      label.set(source.label.subarray(from, from + length), to);
      truth.fill(1, to, to + length);
      pick.fill(0, to, to + length);
      return;
    }
    label.fill(0, to, to + length);
    truth.fill(0, to, to + length);
    for (let voxel = 0; voxel < length; voxel++) pick[to + voxel] = from + voxel;
  };
  items.forEach(({ base, pastes }, item) => {
    copyRow(sources[base.set]!, base.item * size, item * size, size);
    for (const { source, ...box } of pastes) {
      forEachRow(box, patch, (from, to, length) =>
        copyRow(sources[source.set]!, source.item * size + from, item * size + to, length),
      );
    }
  });
  return { image, label, truth, pick };
}
