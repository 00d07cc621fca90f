import type { Index3 } from '@dinomix/core';
import { voxelCount } from '@dinomix/volume';
import { largest } from './most-probable.js';
import type { PlaneScores, ScoreReceiver } from './plane-scores.js';

/** Source position of a target index along an axis, as two neighbours and the weight of the second. */
type Tap = readonly [lower: number, upper: number, weight: number];

function taps(from: number, to: number): readonly Tap[] {
  return Array.from({ length: to }, (_, index) => {
    const position = Math.min(Math.max((from / to) * (index + 0.5) - 0.5, 0), from - 1);
    const lower = Math.floor(position);
    return [lower, Math.min(lower + 1, from - 1), position - lower];
  });
}

function blendRows(first: Float32Array, second: Float32Array, weight: number, out: Float32Array): void {
  const rest = 1 - weight;
  for (let index = 0; index < out.length; index++) out[index] = rest * first[index]! + weight * second[index]!;
}

/** Target indices whose two neighbours are both among `length` source indices from `from` on. */
function within(axis: readonly Tap[], from: number, length: number): readonly number[] {
  return [...axis.keys()].filter((index) => axis[index]![0] >= from && axis[index]![1] < from + length);
}

/** Memory for a plane `[h, w, k]` of a box, and for a row and a voxel of it. */
interface Scratch {
  readonly plane: Float32Array;
  readonly row: Float32Array;
  readonly voxel: Float32Array;
}

/** Gathers the most probable classes on a grid of other size over the same box: probabilities are interpolated, plane by plane. */
export class ResizedLabels implements ScoreReceiver {
  readonly overhang = 1;
  /** `[d, h, w]` of the target. */
  readonly labels: Uint8Array;
  private readonly target: Index3;
  private readonly classCount: number;
  private readonly along: readonly [z: readonly Tap[], y: readonly Tap[], x: readonly Tap[]];
  /** The last plane of the box before, which the next target plane may need. */
  private kept = new Float32Array(0);
  /** The target plane that comes next. */
  private next = 0;

  /** @param shape - `[d, h, w]` of the volume whose scores come. */
  constructor(shape: Index3, target: Index3, classCount: number) {
    this.target = target;
    this.classCount = classCount;
    this.labels = new Uint8Array(voxelCount(target));
    this.along = [taps(shape[0], target[0]), taps(shape[1], target[1]), taps(shape[2], target[2])];
  }

  take(scores: PlaneScores): void {
    const { offset, shape } = scores.box;
    const [first, end] = [offset[0], offset[0] + shape[0]];
    const [alongZ] = this.along;
    const rowLength = shape[2] * this.classCount;
    const area = shape[1] * rowLength;
    if (first === 0) this.next = 0;
    const probabilities = scores.probabilities();
    const plane = (z: number) =>
      z < first ? this.kept : probabilities.subarray((z - first) * area, (z - first + 1) * area);
    const scratch: Scratch = {
      plane: new Float32Array(area),
      row: new Float32Array(rowLength),
      voxel: new Float32Array(this.classCount),
    };
    for (; this.next < alongZ.length && alongZ[this.next]![1] < end; this.next++) {
      const [lower, upper, weight] = alongZ[this.next]!;
      blendRows(plane(lower), plane(upper), weight, scratch.plane);
      this.writePlane(scores, scratch);
    }
    if (this.next < alongZ.length) this.kept = plane(end - 1).slice();
  }

  /** Labels of the next target plane, as far as the box reaches. */
  private writePlane({ box: { offset, shape } }: PlaneScores, { plane, row, voxel }: Scratch): void {
    const { classCount, labels, target } = this;
    const [, alongY, alongX] = this.along;
    const columns = within(alongX, offset[2], shape[2]);
    const part = (source: Float32Array, index: number, length: number) =>
      source.subarray(index * length, (index + 1) * length);
    for (const y of within(alongY, offset[1], shape[1])) {
      const [lowY, highY, weightY] = alongY[y]!;
      blendRows(part(plane, lowY - offset[1], row.length), part(plane, highY - offset[1], row.length), weightY, row);
      const line = (this.next * target[1] + y) * target[2];
      for (const x of columns) {
        const [lowX, highX, weightX] = alongX[x]!;
        blendRows(part(row, lowX - offset[2], classCount), part(row, highX - offset[2], classCount), weightX, voxel);
        labels[line + x] = largest(voxel, 0, classCount);
      }
    }
  }
}
