import { setImmediate } from 'node:timers/promises';
import type { Index3, InferenceSettings, Network, WindowRequest, WindowSum } from '@dinomix/core';
import { trainerError } from '../errors.js';
import { type HostNetwork, HostWindows } from './host-windows.js';
import { mostProbable } from './labels.js';
import { cutWindows, type Looks, layLooks } from './looks.js';
import { weightSums, windowImportance, windowWeights } from './windows.js';

/** What looks at windows: a network in training, or an exported one. */
export interface WindowNetwork extends Pick<Network, 'run' | 'openWindows'> {
  /** What `run` returns per voxel `[k]`. */
  readonly output: HostNetwork['output'];
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

/** Who watches a sliding window. */
export interface WindowWatch {
  /** Aborts between two batches of windows. */
  readonly signal?: AbortSignal;
  /** Hears after each batch how many looks are done, of how many. */
  readonly onWindows?: (done: number, total: number) => void;
}

/** Class probabilities of a whole volume. */
export interface VolumeScores {
  /** Most probable class of each voxel `[d, h, w]`; of equal ones the first. */
  labels(): Uint8Array;
  /** `[d, h, w, k]`. */
  probabilities(): Float32Array;
  /** Gives the memory to the next volume; the probabilities may not be used afterwards. */
  dispose(): void;
}

class SummedScores implements VolumeScores {
  private readonly sum: WindowSum;
  private readonly shape: Index3;
  private readonly options: SlidingWindowOptions;
  private readonly laid: Looks;
  private averaged: Float32Array | undefined;

  constructor(sum: WindowSum, shape: Index3, options: SlidingWindowOptions, laid: Looks) {
    this.sum = sum;
    this.shape = shape;
    this.options = options;
    this.laid = laid;
  }

  labels(): Uint8Array {
    // All sums of a voxel have the same weights, so the largest is that of the most probable class.
    return this.averaged ? mostProbable(this.averaged, this.options.classCount) : this.sum.labels();
  }

  probabilities(): Float32Array {
    this.averaged ??= this.average();
    return this.averaged;
  }

  dispose(): void {
    this.sum.dispose();
  }

  /** Divides by the weights and leaves out the lanes beyond the classes, in place: a volume's scores may be a gigabyte. */
  private average(): Float32Array {
    const { patch, blending, classCount } = this.options;
    const { sums, lanes } = this.sum;
    const { starts, ways } = this.laid;
    const weights = this.shape.map((size, axis) =>
      weightSums(size, starts[axis]!, windowWeights(patch[axis]!, blending)),
    );
    const [weightsZ, weightsY, weightsX] = weights as [Float64Array, Float64Array, Float64Array];
    let from = 0;
    let to = 0;
    for (const z of weightsZ) {
      for (const y of weightsY) {
        for (const x of weightsX) {
          const factor = 1 / (z * y * x * ways);
          for (let index = 0; index < classCount; index++) sums[to + index] = sums[from + index]! * factor;
          from += lanes;
          to += classCount;
        }
      }
    }
    return sums.subarray(0, to);
  }

  /** Softmax spreads what is not finite over all classes of a voxel, so one of them tells. @throws DMX_NETWORK_OUTPUT. */
  assertFinite(): void {
    const { sums, lanes } = this.sum;
    let total = 0;
    for (let at = 0; at < sums.length; at += lanes) total += sums[at]!;
    if (!Number.isFinite(total)) throw trainerError('DMX_NETWORK_OUTPUT', {});
  }
}

function openHost(request: WindowRequest, network: WindowNetwork, { classCount, batch }: SlidingWindowOptions) {
  const { output } = network;
  return new HostWindows(request, { output, classCount, batch, run: (x, shape) => network.run(x, shape) });
}

/**
 * Class probabilities of a whole volume: windows at a stride, the last of each axis shifted to the border, softmax averaged
 * (method.md §2.6), with uniform or Gaussian weights, mirrored looks averaged with the others. The sums are formed inside
 * the network where it offers `openWindows`, else on the host.
 * @throws DMX_NETWORK_OUTPUT where an output is not finite.
 */
export async function slidingWindow(
  volume: WindowVolume,
  network: WindowNetwork,
  options: SlidingWindowOptions,
  { signal, onWindows }: WindowWatch = {},
): Promise<VolumeScores> {
  const { patch, batch, blending, padValue } = options;
  const laid = layLooks(volume.shape, options);
  const { looks } = laid;
  const importance = windowImportance(patch, blending);
  const request: WindowRequest = { volume: volume.shape, window: patch, ...(importance ? { importance } : {}) };
  const sum = (await network.openWindows?.(request)) ?? openHost(request, network, options);
  const scores = new SummedScores(sum, volume.shape, options, laid);
  try {
    for (let first = 0; first < looks.length; first += batch) {
      signal?.throwIfAborted();
      const some = looks.slice(first, first + batch);
      await sum.add(cutWindows(volume, some, patch, padValue), some);
      onWindows?.(first + some.length, looks.length);
      // A run of the network blocks the thread: signals and messages get their turn here.
      await setImmediate();
    }
    scores.assertFinite();
  } catch (cause) {
    scores.dispose();
    throw cause;
  }
  return scores;
}
