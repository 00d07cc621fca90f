import type { Index3 } from '@dinomix/core';
import { voxelCount } from '@dinomix/volume';

/** Bytes of a label map and its copies: prediction, reference, and what metrics make of them. */
const LABEL_MAPS = 4;

/**
 * Bytes that the evaluation of a volume takes beside its network and the volume itself: the sums of the windows, float32 for
 * every class, and label maps.
 */
export function evaluationBytes(shape: Index3, classCount: number): number {
  return voxelCount(shape) * (4 * classCount + LABEL_MAPS);
}
