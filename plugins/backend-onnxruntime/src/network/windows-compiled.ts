import type { Index3, WindowLook, WindowRequest } from '@dinomix/core';
import { product } from '../lowering/conv-geometry.js';
import { type OrtTensor, ort } from '../session/runtime.js';
import { type CompiledNetwork, IMAGE } from './compile.js';
import { IMPORTANCE, ORIGIN, ROWS, SUMS, type WindowLayout } from './endings.js';
import { importanceRows, isInside, mirrored, rowsOf } from './window-rows.js';
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
  private readonly planes: readonly number[];
  private readonly sumsTensor: OrtTensor;
  private placement: Placement | undefined;

  /** @param memory zeros for the sums and a voxel more, which takes what falls outside of the volume */
  constructor(request: WindowRequest, { lanes, planes }: WindowLayout, memory: Float32Array) {
    const voxels = product(request.volume);
    this.request = request;
    this.planes = planes;
    this.lanes = lanes;
    this.sums = memory.subarray(0, voxels * lanes);
    this.sumsTensor = new (ort().Tensor)('float32', memory, [voxels + 1, lanes]);
  }

  add(network: CompiledNetwork, image: Float32Array, channels: number, { origin, mirrored: mirror }: WindowLook): void {
    const { Tensor } = ort();
    const { volume, window } = this.request;
    const { rows, importance } = this.placementOf(mirror);
    const inside = isInside({ window, volume, origin });
    const first = inside ? BigInt((origin[0] * volume[1] + origin[1]) * volume[2] + origin[2]) : 0n;
    const shown = mirrored(image, window, channels, mirror);
    const inputs = {
      [IMAGE]: new Tensor('float32', shown, [1, ...window, channels]),
      [SUMS]: this.sumsTensor,
      [ROWS]: inside ? rows : this.rowsAt(origin, mirror),
      [ORIGIN]: new Tensor('int64', BigInt64Array.of(first), [1, 1]),
      ...(importance ? { [IMPORTANCE]: importance } : {}),
    };
    network.run(inputs, [this.sumsTensor]);
  }

  private placementOf(mirror: Mirror): Placement {
    if (this.placement?.mirror.join() === mirror.join()) return this.placement;
    const { Tensor } = ort();
    const { window, importance } = this.request;
    const rows = this.rowsAt([0, 0, 0], mirror);
    this.placement = {
      mirror,
      rows,
      importance:
        importance && new Tensor('float32', importanceRows(importance, window, this.planes, mirror), rows.dims),
    };
    return this.placement;
  }

  private rowsAt(origin: Index3, mirror: Mirror): OrtTensor {
    const { volume, window } = this.request;
    const rows = rowsOf({ window, volume, planes: this.planes, mirror, origin });
    return new (ort().Tensor)('int64', rows, [rows.length, 1]);
  }
}
