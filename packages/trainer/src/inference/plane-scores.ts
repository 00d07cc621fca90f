import type { Index3 } from '@dinomix/core';
import type { Box } from '@dinomix/volume';
import { trainerError } from '../errors.js';
import { mostProbable } from './most-probable.js';
import type { SlabSums } from './slab-sum.js';
import type { WindowGrid } from './window-grid.js';
import { weightSums, windowWeights } from './windows.js';

/** Class probabilities of a box of a volume, once every window was added. They are there until {@link ScoreReceiver.take} returns. */
export interface PlaneScores {
  /** Where the box lies in the volume, voxels. */
  readonly box: Box;
  /** Most probable class of each voxel `[d, h, w]`; of equal ones the first. */
  labels(): Uint8Array;
  /** `[d, h, w, k]`. */
  probabilities(): Float32Array;
}

/**
 * Takes the probabilities of a volume in boxes of consecutive planes, from the first plane to the last. Where a volume is
 * divided into tiles, one tile follows the other, each from the first plane on.
 */
export interface ScoreReceiver {
  /** Rows and columns by which neighbouring tiles have to overlap. */
  readonly overhang: 0 | 1;
  take(scores: PlaneScores): void;
}

/** Weights of all looks at a voxel: the product of those along the axes, times the number of mirrorings. */
export interface LookWeights {
  readonly along: readonly [z: Float64Array, y: Float64Array, x: Float64Array];
  readonly ways: number;
}

/** Sums the weights of the windows along each axis. */
export function lookWeights(
  shape: Index3,
  grid: WindowGrid,
  { patch, blending }: { readonly patch: Index3; readonly blending: Parameters<typeof windowWeights>[1] },
  ways: number,
): LookWeights {
  const along = (axis: 0 | 1 | 2) => weightSums(shape[axis], grid[axis], windowWeights(patch[axis], blending));
  return { along: [along(0), along(1), along(2)], ways };
}

/** The first planes of a slab. */
export class SummedPlanes implements PlaneScores {
  readonly box: Box;
  private readonly slab: SlabSums;
  private readonly weights: LookWeights;
  private readonly classCount: number;
  private averaged: Float32Array | undefined;

  constructor(slab: SlabSums, box: Box, weights: LookWeights, classCount: number) {
    this.slab = slab;
    this.box = box;
    this.weights = weights;
    this.classCount = classCount;
  }

  labels(): Uint8Array {
    // All sums of a voxel have the same weights, so the largest is that of the most probable class.
    return this.averaged ? mostProbable(this.averaged, this.classCount) : this.slab.labels(this.box.shape[0]);
  }

  probabilities(): Float32Array {
    this.averaged ??= this.average();
    return this.averaged;
  }

  /** Divides by the weights and leaves out the lanes beyond the classes, in place. */
  private average(): Float32Array {
    const { sums, lanes } = this.slab;
    const { ways, along } = this.weights;
    const { offset, shape } = this.box;
    const [alongZ, alongY, alongX] = along.map((weights, axis) =>
      weights.subarray(offset[axis], offset[axis]! + shape[axis]!),
    ) as [Float64Array, Float64Array, Float64Array];
    let from = 0;
    let to = 0;
    for (const z of alongZ) {
      for (const y of alongY) {
        for (const x of alongX) {
          const factor = 1 / (z * y * x * ways);
          for (let index = 0; index < this.classCount; index++) sums[to + index] = sums[from + index]! * factor;
          from += lanes;
          to += this.classCount;
        }
      }
    }
    return sums.subarray(0, to);
  }

  /** Softmax spreads what is not finite over all classes of a voxel, so one of them tells. @throws DMX_NETWORK_OUTPUT. */
  assertFinite(): void {
    const { sums, lanes } = this.slab;
    const [planes, height, width] = this.box.shape;
    const end = planes * height * width * lanes;
    let total = 0;
    for (let at = 0; at < end; at += lanes) total += sums[at]!;
    if (!Number.isFinite(total)) throw trainerError('DMX_NETWORK_OUTPUT', {});
  }
}
