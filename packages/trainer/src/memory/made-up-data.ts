import type { Batch, Crop, Dataset, DatasetFacts, DonorBank, Index3, LabelledBatch } from '@dinomix/core';

const LEFT_AS_IT_IS = [false, false, false] as const;

/** Facts of a data set of which nothing was read: every class has voxels. */
export function madeUpFacts({ title, classes, splits }: Dataset): DatasetFacts {
  return { title, classes, splits, labelledVoxels: classes.map(() => 1), fingerprint: { digest: '', cases: {} } };
}

function cropsOf(cases: readonly string[], count: number): readonly Crop[] {
  return Array.from({ length: count }, (_, item) => ({
    caseId: cases[item % cases.length]!,
    offset: [0, 0, 0],
    flips: LEFT_AS_IT_IS,
  }));
}

function labelledCrops(crops: readonly Crop[], [depth, height, width]: Index3): LabelledBatch {
  const voxels = crops.length * depth * height * width;
  const shape = [crops.length, depth, height, width] as const;
  return { shape, image: new Float32Array(voxels), label: new Uint8Array(voxels), crops };
}

/** A batch of empty crops. */
export function madeUpBatch(
  { splits }: Dataset,
  patch: Index3,
  batch: { labelled: number; unlabelled: number },
): Batch {
  const labelled = labelledCrops(cropsOf(splits.labelled, batch.labelled), patch);
  if (batch.unlabelled === 0) return { labelled, unlabelled: null };
  const { shape, image, crops } = labelledCrops(cropsOf(splits.unlabelled, batch.unlabelled), patch);
  return { labelled, unlabelled: { shape, image, crops } };
}

/** Donors that hold every class in the middle of an empty crop. */
export function madeUpDonors({ classes, splits }: Dataset, patch: Index3) {
  const [crop] = cropsOf(splits.labelled, 1);
  const voxel = patch.map((side) => Math.floor(side / 2)) as unknown as Index3;
  const bank: DonorBank = {
    classes: classes.slice(1).map(({ index }) => index),
    draw: () => ({ crop: crop!, voxel }),
  };
  return { bank, cutDonors: async (crops: readonly Crop[]) => labelledCrops(crops, patch) };
}
