import type { Index3, WindowLook, WindowRequest } from '@dinomix/core';
import { product } from '../lowering/conv-geometry.js';
import { type OrtTensor, ort } from '../session/runtime.js';
import { type CompiledNetwork, IMAGE } from './compile.js';
import { IMPORTANCE, ORIGIN, ROWS, SUMS, type WindowLayout } from './endings.js';
import { isInside, mirrored, rowsOf } from './window-rows.js';
import type { Mirror } from './windows.js';

/** The arrays that windows of one mirroring are given beside their image. */
interface Placement {
  readonly mirror: Mirror;
  readonly rows: OrtTensor;
  readonly importance: OrtTensor | undefined;
}

/** Sums in the array of the caller, written by the graph itself. */
export class CompiledWindows {
  readonly sums: Float32Array;
  readonly lanes: number;
  private readonly request: WindowRequest;
  private readonly sumsTensor: OrtTensor;
  /** Every result of the graph is written into the sums. */
  private readonly results: readonly OrtTensor[];
  private placement: Placement | undefined;

  /** @param memory zeros for the sums and a voxel more, which takes what falls outside of the slab */
  constructor(request: WindowRequest, { lanes, results }: WindowLayout, memory: Float32Array) {
    const voxels = product(request.slab);
    this.request = request;
    this.lanes = lanes;
    this.sums = memory.subarray(0, voxels * lanes);
    this.sumsTensor = new (ort().Tensor)('float32', memory, [voxels + 1, lanes]);
    this.results = new Array<OrtTensor>(results).fill(this.sumsTensor);
  }

  add(network: CompiledNetwork, image: Float32Array, channels: number, { origin, mirrored: mirror }: WindowLook): void {
    const { Tensor } = ort();
    const { slab, window } = this.request;
    const { rows, importance } = this.placementOf(mirror);
    const inside = isInside({ window, slab, origin });
    const first = inside ? BigInt((origin[0] * slab[1] + origin[1]) * slab[2] + origin[2]) : 0n;
    const shown = mirrored(image, window, channels, mirror);
    const inputs = {
      [IMAGE]: new Tensor('float32', shown, [1, ...window, channels]),
      [SUMS]: this.sumsTensor,
      [ROWS]: inside ? rows : this.rowsAt(origin, mirror),
      [ORIGIN]: new Tensor('int64', BigInt64Array.of(first), [1, 1]),
      ...(importance ? { [IMPORTANCE]: importance } : {}),
    };
    network.run(inputs, this.results);
  }

  /** The sums of the first planes. */
  first(planes: number): Float32Array {
    const [, height, width] = this.request.slab;
    return this.sums.subarray(0, planes * height * width * this.lanes);
  }

  advance(planes: number): void {
    const dropped = this.first(planes).length;
    this.sums.copyWithin(0, dropped);
    this.sums.fill(0, this.sums.length - dropped);
  }

  private placementOf(mirror: Mirror): Placement {
    if (this.placement?.mirror.join() === mirror.join()) return this.placement;
    const { Tensor } = ort();
    const { window, importance } = this.request;
    const rows = this.rowsAt([0, 0, 0], mirror);
    this.placement = {
      mirror,
      rows,
      importance: importance && new Tensor('float32', mirrored(importance, window, 1, mirror), rows.dims),
    };
    return this.placement;
  }

  private rowsAt(origin: Index3, mirror: Mirror): OrtTensor {
    const { slab, window } = this.request;
    const rows = rowsOf({ window, slab, mirror, origin });
    return new (ort().Tensor)('int64', rows, [rows.length, 1]);
  }
}
