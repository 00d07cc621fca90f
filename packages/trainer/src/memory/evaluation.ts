import type { Index3, ResolvedConfig } from '@dinomix/core';
import { inferenceBytes } from '../inference/memory.js';

/**
 * Bytes that the evaluation of a volume takes beside its network: the volume, which the store may not keep, sums of windows,
 * label maps. Its file is taken to have the working grid.
 * @param shape - `[d, h, w]` of the working grid, voxels.
 */
export function evaluationBytes(
  shape: Index3,
  classCount: number,
  { train, inference }: Pick<ResolvedConfig, 'train' | 'inference'>,
): number {
  const { stride, overlap, batch } = inference;
  const size = {
    shape,
    source: shape,
    sourceBytes: 4,
    channels: 1,
    patch: train.patch,
    stride,
    overlap,
    batch,
    classCount,
  };
  const { image, sums, labels, windows } = inferenceBytes(size);
  return image + sums + labels + windows;
}
