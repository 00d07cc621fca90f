import type { Axis, Index3, InferenceSettings, Network } from '@dinomix/core';
import { copyBox, voxelCount } from '@dinomix/volume';
import { weightSums, windowStarts, windowStride, windowWeights } from './windows.js';

/** What looks at windows: a network in training, or an exported one. */
export interface WindowNetwork extends Pick<Network, 'run'> {
  /** What `run` returns per voxel `[k]`. */
  readonly output: 'logits' | 'probabilities';
}

/** A volume as a network sees it: preprocessed. */
export interface WindowVolume {
  readonly shape: Index3;
  /** `[d, h, w]`. */
  readonly image: Float32Array;
}

/** How the windows are laid and joined. */
export interface SlidingWindowOptions
  extends Pick<InferenceSettings, 'stride' | 'overlap' | 'blending' | 'batch' | 'mirror'> {
  /** Window `[d, h, w]`, voxels. */
  readonly patch: Index3;
  readonly classCount: number;
  /** Intensity outside of the volume. */
  readonly padValue: number;
}

/** One look at the volume: a window, and the axes along which it is mirrored. */
interface Look {
  readonly offset: Index3;
  readonly mirrored: readonly [boolean, boolean, boolean];
}

/** Every subset of the axes that are mirrored, the unmirrored look first. */
export function mirrorings(axes: readonly Axis[]): readonly (readonly [boolean, boolean, boolean])[] {
  const distinct = [...new Set(axes)];
  return Array.from({ length: 2 ** distinct.length }, (_, subset) => {
    const mirrored: [boolean, boolean, boolean] = [false, false, false];
    distinct.forEach((axis, bit) => {
      mirrored[axis] = (subset & (1 << bit)) !== 0;
    });
    return mirrored;
  });
}

function softmaxInPlace(data: Float32Array, classCount: number): void {
  for (let at = 0; at < data.length; at += classCount) {
    let largest = data[at]!;
    for (let index = 1; index < classCount; index++) largest = Math.max(largest, data[at + index]!);
    let sum = 0;
    for (let index = 0; index < classCount; index++) {
      const value = Math.exp(data[at + index]! - largest);
      data[at + index] = value;
      sum += value;
    }
    for (let index = 0; index < classCount; index++) data[at + index]! /= sum;
  }
}

/** Reverses `data` [d, h, w] along the mirrored axes into a new order of reading: index of the voxel in the window. */
function place(position: number, side: number, mirrored: boolean): number {
  return mirrored ? side - 1 - position : position;
}

/** Joins looks at one volume; memory does not grow with their number. */
class Blend {
  /** `[d, h, w, k]`. */
  readonly total: Float32Array;
  private readonly shape: Index3;
  private readonly options: SlidingWindowOptions;
  private readonly weights: readonly Float64Array[];

  constructor(shape: Index3, options: SlidingWindowOptions) {
    this.shape = shape;
    this.options = options;
    this.weights = options.patch.map((side) => windowWeights(side, options.blending));
    this.total = new Float32Array(voxelCount(shape) * options.classCount);
  }

  /** Adds the probabilities of one look `[d, h, w, k]` of the window. */
  add({ offset, mirrored }: Look, probabilities: Float32Array): void {
    const { patch, classCount } = this.options;
    const [depth, height, width] = this.shape;
    const [weightsZ, weightsY, weightsX] = this.weights as [Float64Array, Float64Array, Float64Array];
    for (let z = 0; z < patch[0]; z++) {
      const targetZ = offset[0] + z;
      if (targetZ < 0 || targetZ >= depth) continue;
      for (let y = 0; y < patch[1]; y++) {
        const targetY = offset[1] + y;
        if (targetY < 0 || targetY >= height) continue;
        const weight = weightsZ[z]! * weightsY[y]!;
        const row = (place(z, patch[0], mirrored[0]) * patch[1] + place(y, patch[1], mirrored[1])) * patch[2];
        const target = (targetZ * height + targetY) * width;
        for (let x = Math.max(0, -offset[2]); x < patch[2] && offset[2] + x < width; x++) {
          const share = weight * weightsX[x]!;
          const from = (row + place(x, patch[2], mirrored[2])) * classCount;
          const to = (target + offset[2] + x) * classCount;
          for (let index = 0; index < classCount; index++) {
            this.total[to + index]! += share * probabilities[from + index]!;
          }
        }
      }
    }
  }

  /** Divides by the weights. @param looks - how often each window was looked at. */
  finish(starts: readonly (readonly number[])[], looks: number): Float32Array {
    const { classCount } = this.options;
    const sums = this.shape.map((size, axis) => weightSums(size, starts[axis]!, this.weights[axis]!));
    const [sumsZ, sumsY, sumsX] = sums as [Float64Array, Float64Array, Float64Array];
    let at = 0;
    for (const z of sumsZ) {
      for (const y of sumsY) {
        for (const x of sumsX) {
          const factor = 1 / (z * y * x * looks);
          for (let index = 0; index < classCount; index++) this.total[at++]! *= factor;
        }
      }
    }
    return this.total;
  }
}

/** Cuts looks into one batch of fixed size `[b, d, h, w, 1]`; a last incomplete one is filled up with `padValue`. */
function cutLooks(
  volume: WindowVolume,
  looks: readonly Look[],
  { patch, batch, padValue }: SlidingWindowOptions,
): Float32Array {
  const size = voxelCount(patch);
  const windows = new Float32Array(batch * size);
  const [depth, height, width] = patch;
  const plain = new Float32Array(size);
  looks.forEach(({ offset, mirrored }, item) => {
    const window = windows.subarray(item * size, (item + 1) * size);
    if (!mirrored.includes(true)) {
      copyBox(volume.image, volume.shape, { offset, shape: patch }, window, padValue);
      return;
    }
    copyBox(volume.image, volume.shape, { offset, shape: patch }, plain, padValue);
    let at = 0;
    for (let z = 0; z < depth; z++) {
      for (let y = 0; y < height; y++) {
        const row = (place(z, depth, mirrored[0]) * height + place(y, height, mirrored[1])) * width;
        for (let x = 0; x < width; x++) window[at++] = plain[row + place(x, width, mirrored[2])]!;
      }
    }
  });
  return windows;
}

/**
 * Class probabilities of a whole volume: windows at a stride, the last of each axis shifted to the border, softmax averaged
 * (method.md §2.6), with uniform or Gaussian weights, mirrored looks averaged with the others.
 * @param signal - aborts between two batches of windows.
 * @returns `[d, h, w, k]`.
 */
export async function slidingWindow(
  volume: WindowVolume,
  network: WindowNetwork,
  options: SlidingWindowOptions,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const { patch, batch, classCount, mirror } = options;
  const stride = windowStride(patch, options);
  const starts = volume.shape.map((size, axis) => windowStarts(size, patch[axis]!, stride[axis]!));
  const [startsZ, startsY, startsX] = starts as [number[], number[], number[]];
  const ways = mirrorings(mirror);
  const looks = startsZ.flatMap((z) =>
    startsY.flatMap((y) => startsX.flatMap((x) => ways.map((mirrored): Look => ({ offset: [z, y, x], mirrored })))),
  );
  const blend = new Blend(volume.shape, options);
  const length = voxelCount(patch) * classCount;
  for (let first = 0; first < looks.length; first += batch) {
    signal?.throwIfAborted();
    const some = looks.slice(first, first + batch);
    const { data } = await network.run(cutLooks(volume, some, options), [batch, ...patch, 1]);
    if (data.length !== batch * length) {
      throw new Error(`the network gave ${data.length} values for ${batch} windows; expected ${batch * length}`);
    }
    some.forEach((look, item) => {
      const output = data.subarray(item * length, (item + 1) * length);
      if (network.output === 'logits') softmaxInPlace(output, classCount);
      blend.add(look, output);
    });
  }
  return blend.finish(starts, ways.length);
}
