import type { Index3 } from '@dinomix/core';
import { product } from '../lowering/conv-geometry.js';

/** What windows of one shape are summed over. */
export interface WindowRequest {
  /** `[D, H, W]` of the volume that the sums cover. */
  readonly volume: Index3;
  /** `[d, h, w]` of every window. */
  readonly window: Index3;
  /** Weight of each voxel of a window, `[d, h, w]`, for Gaussian blending. Default 1. */
  readonly importance?: Float32Array;
}

/** Axes along which a window is mirrored before it is shown to the network; the result is mirrored back. */
export type Mirror = readonly [depth: boolean, height: boolean, width: boolean];

/**
 * Sums of class probabilities over overlapping windows of one shape. Memory does not grow with the number of windows.
 * For a volume too large for its sums, open a slab of it as a volume, and read and clear planes between calls.
 */
export interface WindowSum {
  /** Σ importance · softmax(logits), `[D, H, W, lanes]`; class c is lane c, lanes beyond the classes are zero. */
  readonly sums: Float32Array;
  readonly lanes: number;
  /**
   * Adds windows. @param windows `[n, d, h, w, channels]` @param origins first voxel of each in the volume; what
   * falls outside of the volume is left out @throws when the array has another length.
   */
  add(windows: Float32Array, origins: readonly Index3[], mirror?: Mirror): Promise<void>;
  /** The class with the largest sum at each voxel, `[D, H, W]`; a voxel without windows is 0. At most 256 classes. */
  labels(): Uint8Array;
  /** Gives the memory of the sums to the next ones of this network; they may not be used afterwards. */
  dispose(): void;
}

export const NO_MIRROR: Mirror = [false, false, false];

/** @throws Error saying which argument does not fit. */
export function checkWindows(
  request: WindowRequest,
  channels: number,
  windows: Float32Array,
  origins: readonly Index3[],
): void {
  const { window } = request;
  const expected = origins.length * product(window) * channels;
  if (windows.length !== expected) {
    throw new Error(
      `${origins.length} windows [${window}] of ${channels} channels are ${expected} numbers, found ${windows.length}`,
    );
  }
  for (const origin of origins) {
    if (!origin.every(Number.isSafeInteger))
      throw new Error(`the origin of a window is [${origin}]; expected whole numbers`);
  }
}

/** @throws Error when the importance does not fit the window. */
export function checkRequest({ window, importance }: WindowRequest): void {
  if (importance && importance.length !== product(window)) {
    throw new Error(
      `the importance of a window [${window}] has ${product(window)} numbers, found ${importance.length}`,
    );
  }
}

/** The lane with the largest sum at each voxel. */
export function largestLane(sums: Float32Array, lanes: number, classes: number): Uint8Array {
  const labels = new Uint8Array(sums.length / lanes);
  for (let voxel = 0; voxel < labels.length; voxel++) {
    const start = voxel * lanes;
    let best = sums[start]!;
    let label = 0;
    for (let lane = 1; lane < classes; lane++) {
      const value = sums[start + lane]!;
      if (value > best) {
        best = value;
        label = lane;
      }
    }
    labels[voxel] = label;
  }
  return labels;
}
