import type { Index3, InferenceSettings } from '@dinomix/core';
import { trainerError } from '../errors.js';

/** Windows of one axis: their first voxels, ascending. Negative where the volume is smaller than the window. */
export function windowStarts(size: number, side: number, stride: number): readonly number[] {
  if (size < side) return [-Math.floor((side - size) / 2)];
  const count = Math.ceil((size - side) / stride) + 1;
  // The last window is shifted back to the border (method.md §2.6).
  return Array.from({ length: count }, (_, index) => Math.min(index * stride, size - side));
}

/**
 * Steps between windows `[d, h, w]`, voxels: the stated ones, or those of the overlap.
 * @throws DMX_WINDOW_STRIDE where voxels would lie between the windows.
 */
export function windowStride(
  patch: Index3,
  { stride, overlap }: Pick<InferenceSettings, 'stride' | 'overlap'>,
): Index3 {
  if (stride !== null) {
    if (stride.some((step, axis) => step > patch[axis]!)) throw trainerError('DMX_WINDOW_STRIDE', { stride, patch });
    return stride;
  }
  return patch.map((side) => Math.max(1, Math.floor(side * (1 - overlap)))) as unknown as Index3;
}

/**
 * Weights along one axis of a window `[side]`. `gaussian`: exp(-x² / 2σ²) around the centre with σ = side / 8 (nnU-Net,
 * MONAI), not below 0.001 of the largest.
 */
export function windowWeights(side: number, blending: InferenceSettings['blending']): Float64Array {
  const weights = new Float64Array(side).fill(1);
  if (blending === 'uniform') return weights;
  const centre = (side - 1) / 2;
  return weights.map((_, index) => Math.max(1e-3, Math.exp(-0.5 * ((index - centre) / (side / 8)) ** 2)));
}

/**
 * Sum of the weights of all windows along one axis `[size]`. The windows form a grid and their weights a product, so the sum
 * in three dimensions is the product of these.
 */
export function weightSums(size: number, starts: readonly number[], weights: Float64Array): Float64Array {
  const sums = new Float64Array(size);
  for (const start of starts) {
    for (let index = 0; index < weights.length; index++) {
      const position = start + index;
      if (position >= 0 && position < size) sums[position]! += weights[index]!;
    }
  }
  return sums;
}

/** Weights of the voxels of a window `[d, h, w]`, the product of those along its axes; undefined where all are alike. */
export function windowImportance(patch: Index3, blending: InferenceSettings['blending']): Float32Array | undefined {
  if (blending === 'uniform') return undefined;
  const [alongZ, alongY, alongX] = patch.map((side) => windowWeights(side, blending)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const importance = new Float32Array(patch[0] * patch[1] * patch[2]);
  let at = 0;
  for (const z of alongZ) for (const y of alongY) for (const x of alongX) importance[at++] = z * y * x;
  return importance;
}
