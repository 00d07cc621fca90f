import type { Index3 } from '@dinomix/core';
import { voxelCount } from '@dinomix/volume';
import { layWindows } from './looks.js';
import type { SlidingWindowOptions } from './sliding-window.js';
import { layTiles, sumBytes } from './tiles.js';

/** What the memory of a prediction or an evaluation depends on. */
export interface InferenceSize
  extends Pick<SlidingWindowOptions, 'patch' | 'stride' | 'overlap' | 'batch' | 'classCount' | 'mostSumBytes'> {
  /** `[d, h, w]` of the file. */
  readonly source: Index3;
  /** Bytes of a voxel of the file: 2 for int16. */
  readonly sourceBytes: number;
  /** `[d, h, w]` of the working grid. */
  readonly shape: Index3;
  /** Channels of the image. */
  readonly channels: number;
}

/** Bytes that are held at the same time, beside the network: its weights, and what it needs for one call. */
export interface InferenceBytes {
  /** The image on the working grid. */
  readonly image: number;
  /** Sums of class probabilities. */
  readonly sums: number;
  /** Labels on the working grid, on that of the file before and after it was turned, and a copy for metrics or the file. */
  readonly labels: number;
  /** Windows cut out and as the network is shown them, and what it says of them where it does not sum itself. */
  readonly windows: number;
  /** The largest sum at any moment: the file and its turned copy are there while the image is made, and not later. */
  readonly total: number;
}

/** The bytes that a prediction of one volume takes beside the network. */
export function inferenceBytes(size: InferenceSize): InferenceBytes {
  const { source, sourceBytes, shape, channels, patch, batch, classCount } = size;
  const same = source.every((side, axis) => side === shape[axis]);
  const { depth, tiles } = layTiles(size, layWindows(shape, size), same ? 0 : 1);
  const area = Math.max(...tiles.map((tile) => tile.shape[0] * tile.shape[1]));
  const image = 4 * channels * voxelCount(shape);
  // To bring probabilities to another grid, a plane is kept and another one interpolated.
  const sums = sumBytes(depth * area, classCount) + (same ? 0 : 8 * area * classCount);
  const labels = voxelCount(shape) + 3 * voxelCount(source);
  const windows = 4 * batch * voxelCount(patch) * (2 * channels + 2 * classCount);
  const preparing = 2 * sourceBytes * channels * voxelCount(source) + image;
  return { image, sums, labels, windows, total: Math.max(preparing, image + sums + labels + windows) };
}
