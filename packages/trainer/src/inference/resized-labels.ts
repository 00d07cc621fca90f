import type { Index3 } from '@dinomix/core';
import { voxelCount } from '@dinomix/volume';
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

/** Consecutive target indices between the same two source indices; `begin` to before `end`. */
interface Run {
  readonly lower: number;
  readonly upper: number;
  readonly begin: number;
  readonly end: number;
}

/** The runs of an axis whose two neighbours are both among `length` source indices from `from` on, counted from there. */
function runsWithin(axis: readonly Tap[], from: number, length: number): readonly Run[] {
  const runs: Run[] = [];
  for (const [index, [lower, upper]] of axis.entries()) {
    if (lower < from || upper >= from + length) continue;
    const last = runs.at(-1);
    if (last?.lower === lower - from) runs[runs.length - 1] = { ...last, end: index + 1 };
    else runs.push({ lower: lower - from, upper: upper - from, begin: index, end: index + 1 });
  }
  return runs;
}

/** Corners of different classes. */
const MIXED = -1;

/** A plane of a box: probabilities `[h, w, k]` and the most probable classes `[h, w]`. */
interface Plane {
  readonly scores: Float32Array;
  readonly labels: Uint8Array;
}

/** Memory for a plane and a row of blended probabilities, and for the class of each cell along a row. */
interface Scratch {
  readonly plane: Float32Array;
  readonly row: Float32Array;
  readonly cells: Int16Array;
}

/** What lies between two source planes, rows of them blended when they are first asked for. */
class Between {
  private readonly lower: Plane;
  private readonly upper: Plane;
  private readonly weight: number;
  private readonly scratch: Scratch;
  private isBlended = false;

  constructor(lower: Plane, upper: Plane, weight: number, scratch: Scratch) {
    this.lower = lower;
    this.upper = upper;
    this.weight = weight;
    this.scratch = scratch;
  }

  /**
   * The class that all eight corners of each cell have, or {@link MIXED}. A sum of positive weights keeps the order of two
   * numbers, rounding included: what is largest at every corner is largest between them.
   */
  cells({ lower: y, upper: below }: Run, columns: readonly Run[], width: number): Int16Array {
    const { cells } = this.scratch;
    const [a, b] = [this.lower.labels, this.upper.labels];
    const [top, bottom] = [y * width, below * width];
    const column = (x: number): number => {
      const label = a[top + x]!;
      return b[top + x] === label && a[bottom + x] === label && b[bottom + x] === label ? label : MIXED;
    };
    columns.forEach(({ lower, upper }, index) => {
      const label = column(lower);
      cells[index] = column(upper) === label ? label : MIXED;
    });
    return cells;
  }

  /** Probabilities `[w, k]` of a row between two source rows. */
  row({ lower, upper }: Run, weight: number): Float32Array {
    const { plane, row } = this.scratch;
    if (!this.isBlended) blendRows(this.lower.scores, this.upper.scores, this.weight, plane);
    this.isBlended = true;
    const part = (index: number) => plane.subarray(index * row.length, (index + 1) * row.length);
    blendRows(part(lower), part(upper), weight, row);
    return row;
  }
}

/** Most probable class between two voxels of a row `[w, k]`; of equal ones the first. */
function between(row: Float32Array, { lower, upper }: Run, weight: number, classCount: number): number {
  const [left, right, rest] = [lower * classCount, upper * classCount, 1 - weight];
  let label = 0;
  let highest = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < classCount; index++) {
    const value = Math.fround(rest * row[left + index]! + weight * row[right + index]!);
    if (value > highest) {
      highest = value;
      label = index;
    }
  }
  return label;
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
  private kept: Plane | undefined;
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
    const [, height, width] = shape;
    const area = height * width;
    if (first === 0) this.next = 0;
    const labels = scores.labels();
    const probabilities = scores.probabilities();
    const planeAt = (z: number): Plane => {
      if (z < first) return this.kept!;
      const at = (z - first) * area;
      return {
        scores: probabilities.subarray(at * this.classCount, (at + area) * this.classCount),
        labels: labels.subarray(at, at + area),
      };
    };
    const scratch: Scratch = {
      plane: new Float32Array(area * this.classCount),
      row: new Float32Array(width * this.classCount),
      cells: new Int16Array(width),
    };
    for (; this.next < alongZ.length && alongZ[this.next]![1] < end; this.next++) {
      const [lower, upper, weight] = alongZ[this.next]!;
      this.writePlane(scores, new Between(planeAt(lower), planeAt(upper), weight, scratch));
    }
    if (this.next === alongZ.length) return;
    const last = planeAt(end - 1);
    this.kept = { scores: last.scores.slice(), labels: last.labels.slice() };
  }

  /** Labels of the next target plane, as far as the box reaches. */
  private writePlane({ box: { offset, shape } }: PlaneScores, planes: Between): void {
    const [, alongY, alongX] = this.along;
    const columns = runsWithin(alongX, offset[2], shape[2]);
    for (const rows of runsWithin(alongY, offset[1], shape[1])) {
      const cells = planes.cells(rows, columns, shape[2]);
      const isMixed = columns.some((_, index) => cells[index] === MIXED);
      for (let y = rows.begin; y < rows.end; y++) {
        const line = (this.next * this.target[1] + y) * this.target[2];
        this.fillLine(line, columns, cells);
        if (isMixed) this.interpolateLine(line, columns, cells, planes.row(rows, alongY[y]![2]));
      }
    }
  }

  /** Writes the classes of cells whose corners agree. */
  private fillLine(line: number, columns: readonly Run[], cells: Int16Array): void {
    for (let first = 0; first < columns.length; ) {
      let last = first;
      while (last + 1 < columns.length && cells[last + 1] === cells[first]) last++;
      if (cells[first] !== MIXED) {
        this.labels.fill(cells[first]!, line + columns[first]!.begin, line + columns[last]!.end);
      }
      first = last + 1;
    }
  }

  /** Writes the classes of the other cells. */
  private interpolateLine(line: number, columns: readonly Run[], cells: Int16Array, row: Float32Array): void {
    const [, , alongX] = this.along;
    columns.forEach((column, index) => {
      if (cells[index] !== MIXED) return;
      for (let x = column.begin; x < column.end; x++) {
        this.labels[line + x] = between(row, column, alongX[x]![2], this.classCount);
      }
    });
  }
}
