import type { Index3, WindowLook, WindowRequest } from '@dinomix/core';
import { voxelCount } from '@dinomix/volume';
import type { HostNetwork } from './host-network.js';
import { mostProbable } from './most-probable.js';
import type { SlabSums } from './slab-sum.js';

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

/** Position along an axis of `side` voxels in what the network is shown. */
function shown(position: number, side: number, mirrored: boolean): number {
  return mirrored ? side - 1 - position : position;
}

/** First voxel of a line of the window in what the network is shown, before mirroring along x. */
function lineOf([depth, height, width]: Index3, { mirrored }: WindowLook, z: number, y: number): number {
  return (shown(z, depth, mirrored[0]) * height + shown(y, height, mirrored[1])) * width;
}

/** Copies a window `[d, h, w]` as the network is shown it. */
function turn(window: Float32Array, patch: Index3, look: WindowLook, target: Float32Array): void {
  const [depth, height, width] = patch;
  let at = 0;
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      const line = lineOf(patch, look, z, y);
      for (let x = 0; x < width; x++) target[line + shown(x, width, look.mirrored[2])] = window[at++]!;
    }
  }
}

/** Sums on the host of what any network with a method `run` says. */
export class HostWindows implements SlabSums {
  readonly sums: Float32Array;
  readonly lanes: number;
  private readonly request: WindowRequest;
  private readonly network: HostNetwork;
  /** A batch of windows as the network is shown it. */
  private readonly images: Float32Array;
  /** Probabilities `[n, d, h, w, k]` of the batch. */
  private said = new Float32Array(0);

  constructor(request: WindowRequest, network: HostNetwork) {
    this.request = request;
    this.network = network;
    this.lanes = network.classCount;
    this.sums = new Float32Array(voxelCount(request.slab) * network.classCount);
    this.images = new Float32Array(network.batch * voxelCount(request.window));
  }

  async show(windows: Float32Array, looks: readonly WindowLook[]): Promise<void> {
    const { images } = this;
    const { batch, classCount, output } = this.network;
    const { window: patch } = this.request;
    const size = voxelCount(patch);
    looks.forEach((look, index) => {
      const at = index * size;
      turn(windows.subarray(at, at + size), patch, look, images.subarray(at, at + size));
    });
    images.fill(0, looks.length * size);
    const { data } = await this.network.run(images, [batch, ...patch, 1]);
    const length = size * classCount;
    if (data.length !== batch * length) {
      throw new Error(`the network gave ${data.length} values for ${batch} windows; expected ${batch * length}`);
    }
    this.said = data.subarray(0, looks.length * length) as Float32Array<ArrayBuffer>;
    if (output === 'logits') softmaxInPlace(this.said, classCount);
  }

  async add(first: number, looks: readonly WindowLook[]): Promise<void> {
    const length = voxelCount(this.request.window) * this.lanes;
    looks.forEach((look, index) => {
      this.addOne(look, this.said.subarray((first + index) * length, (first + index + 1) * length));
    });
  }

  /** Adds the probabilities `[d, h, w, k]` of one window. */
  private addOne(look: WindowLook, probabilities: Float32Array): void {
    const { sums, lanes } = this;
    const { window: patch, slab, importance } = this.request;
    const { origin, mirrored } = look;
    for (let z = Math.max(0, -origin[0]); z < patch[0] && origin[0] + z < slab[0]; z++) {
      for (let y = Math.max(0, -origin[1]); y < patch[1] && origin[1] + y < slab[1]; y++) {
        const line = lineOf(patch, look, z, y);
        const own = (z * patch[1] + y) * patch[2];
        const target = ((origin[0] + z) * slab[1] + origin[1] + y) * slab[2] + origin[2];
        for (let x = Math.max(0, -origin[2]); x < patch[2] && origin[2] + x < slab[2]; x++) {
          const share = importance?.[own + x] ?? 1;
          const from = (line + shown(x, patch[2], mirrored[2])) * lanes;
          const to = (target + x) * lanes;
          for (let lane = 0; lane < lanes; lane++) sums[to + lane]! += share * probabilities[from + lane]!;
        }
      }
    }
  }

  /** The sums of the first planes. */
  private first(planes: number): Float32Array {
    const [, height, width] = this.request.slab;
    return this.sums.subarray(0, planes * height * width * this.lanes);
  }

  labels(planes: number): Uint8Array {
    return mostProbable(this.first(planes), this.lanes);
  }

  advance(planes: number): void {
    const dropped = this.first(planes).length;
    this.sums.copyWithin(0, dropped);
    this.sums.fill(0, this.sums.length - dropped);
  }

  dispose(): void {
    // The sums belong to nobody else.
  }
}
