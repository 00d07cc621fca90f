import type { Crop, DonorBank, DonorDraw, Index3, PatchSampling } from '@dinomix/core';
import type { LabelIndex } from './label-index.js';
import { centredCorner, containingCorner, drawFlips } from './sampling.js';

/** Where a voxel of a volume lies in a crop of it. */
export function voxelInCrop(voxel: Index3, { offset, flips }: Crop, patch: Index3): Index3 {
  return voxel.map((position, axis) => {
    const inside = position - offset[axis]!;
    return flips[axis]! ? patch[axis]! - 1 - inside : inside;
  }) as unknown as Index3;
}

/** All labelled volumes, indexed by class. `volumes` are in the order of the split. */
export function createDonorBank(
  volumes: ReadonlyMap<string, LabelIndex>,
  patch: Index3,
  flips: PatchSampling['flips'],
): DonorBank {
  const classCount = Math.max(0, ...[...volumes.values()].map((index) => index.counts.length));
  const holders = Array.from({ length: classCount }, (_, classIndex) =>
    [...volumes].filter(([, index]) => index.counts[classIndex]! > 0),
  );
  return {
    classes: holders.flatMap((list, classIndex) => (classIndex > 0 && list.length > 0 ? [classIndex] : [])),
    draw(classIndex, placement, rng): DonorDraw | null {
      const candidates = holders[classIndex] ?? [];
      if (candidates.length === 0) return null;
      const [caseId, index] = rng.choice(candidates);
      const voxel = index.voxel(classIndex, rng.integer(0, index.counts[classIndex]!));
      const offset =
        placement === 'centred'
          ? centredCorner(index.shape, patch, voxel)
          : containingCorner(index.shape, patch, voxel, rng);
      const crop = { caseId, offset, flips: drawFlips(flips, rng) };
      return { crop, voxel: voxelInCrop(voxel, crop, patch) };
    },
  };
}
