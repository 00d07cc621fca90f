import type { Box } from './crop.js';
import { distanceTransform } from './distance-transform.js';
import type { Triple } from './triple.js';
import { assertSpacing, voxelCount } from './volume.js';

/** Points of a grid and the box that holds them all. */
export interface GridPoints extends Box {
  /** z, y, x of the first point, of the second and so on, in memory order. */
  readonly coordinates: Int32Array;
}

/** Returns points with their box. At least one is needed. */
export function gridPoints(coordinates: Int32Array): GridPoints {
  const low = [coordinates[0]!, coordinates[1]!, coordinates[2]!];
  const high = [...low];
  for (let at = 0; at < coordinates.length; at += 3) {
    for (let axis = 0; axis < 3; axis++) {
      const place = coordinates[at + axis]!;
      if (place < low[axis]!) low[axis] = place;
      if (place > high[axis]!) high[axis] = place;
    }
  }
  const shape = high.map((end, axis) => end - low[axis]! + 1);
  return { coordinates, offset: low as unknown as Triple, shape: shape as unknown as Triple };
}

/** Steps of the search that take about as long as the distance transform of one voxel. */
const STEPS_PER_VOXEL = 2;

/**
 * Returns for each point of `from` the exact Euclidean distance to the nearest point of `to`, in mm.
 *
 * @remarks Each row of `to` becomes a line of distances along x; a point then looks at the rows around it, nearest first,
 * until no row can hold a nearer point. Where that would take longer than the distance transform of the common box, as it
 * does when very many points are far away, the transform does the rest.
 */
export function nearestDistances(from: GridPoints, to: GridPoints, spacing: Triple = [1, 1, 1]): Float64Array {
  assertSpacing(spacing);
  const box = unionBox(from, to);
  const distances = new Float64Array(from.coordinates.length / 3);
  const known = new RowSearch(to, box, spacing).run(from, distances, STEPS_PER_VOXEL * voxelCount(box.shape));
  if (known < distances.length) readTransform(from, to, box, spacing, known, distances);
  for (let index = 0; index < distances.length; index++) distances[index] = Math.sqrt(distances[index]!);
  return distances;
}

function unionBox(first: Box, second: Box): Box {
  const offset = first.offset.map((low, axis) => Math.min(low, second.offset[axis]!)) as unknown as Triple;
  const end = (box: Box, axis: number) => box.offset[axis]! + box.shape[axis]!;
  const shape = offset.map((low, axis) => Math.max(end(first, axis), end(second, axis)) - low) as unknown as Triple;
  return { offset, shape };
}

/** Squared distances from the point with number `first` on, out of the transform of the whole box. */
function readTransform(
  from: GridPoints,
  to: GridPoints,
  { offset, shape }: Box,
  spacing: Triple,
  first: number,
  squared: Float64Array,
): void {
  const indexOf = ({ coordinates }: GridPoints, at: number) =>
    ((coordinates[at]! - offset[0]) * shape[1] + coordinates[at + 1]! - offset[1]) * shape[2] +
    coordinates[at + 2]! -
    offset[2];
  const away = new Uint8Array(voxelCount(shape)).fill(1);
  for (let at = 0; at < to.coordinates.length; at += 3) away[indexOf(to, at)] = 0;
  const field = distanceTransform(away, shape, { spacing, squared: true });
  for (let index = first; index < squared.length; index++) squared[index] = field[indexOf(from, 3 * index)]!;
}

/** The rows of a set of points, as steps along x to the nearest point of the row. */
class RowSearch {
  private readonly width: number;
  private readonly steps: Int32Array;
  /** Squared mm by steps; the last one stands for a row without points. */
  private readonly squares: Float64Array;
  private readonly points: GridPoints;
  private readonly box: Box;
  private readonly spacing: Triple;

  constructor(points: GridPoints, box: Box, spacing: Triple) {
    this.points = points;
    this.box = box;
    this.spacing = spacing;
    this.width = box.shape[2];
    this.squares = Float64Array.from({ length: this.width + 1 }, (_, count) => (count * spacing[2]) ** 2);
    this.squares[this.width] = Number.POSITIVE_INFINITY;
    this.steps = new Int32Array(points.shape[0] * points.shape[1] * this.width).fill(this.width);
    this.measure();
  }

  private measure(): void {
    const { steps, width, points, box } = this;
    const { coordinates, offset, shape } = points;
    let row = -1;
    for (let at = 0; at < coordinates.length; at += 3) {
      const here = ((coordinates[at]! - offset[0]) * shape[1] + coordinates[at + 1]! - offset[1]) * width;
      if (here !== row && row >= 0) this.spread(row);
      row = here;
      steps[row + coordinates[at + 2]! - box.offset[2]] = 0;
    }
    this.spread(row);
  }

  private spread(row: number): void {
    const { steps, width } = this;
    const end = row + width;
    let away = width - 1;
    for (let index = row; index < end; index++) {
      if (steps[index] === 0) away = 0;
      else if (away < width - 1) steps[index] = ++away;
    }
    away = width - 1;
    for (let index = end - 1; index >= row; index--) {
      if (steps[index] === 0) away = 0;
      else if (away < width - 1 && ++away < steps[index]!) steps[index] = away;
    }
  }

  /**
   * Fills in squared distances, point after point, while the search takes no more than `budget` steps.
   * @returns how many points are done
   */
  run(from: GridPoints, squared: Float64Array, budget: number): number {
    const { steps, squares, width, points, box } = this;
    const [scaleZ, scaleY] = [this.spacing[0] ** 2, this.spacing[1] ** 2];
    const [depth, height] = points.shape;
    let taken = 0;
    let [hintZ, hintY] = [0, 0];
    for (let index = 0, at = 0; index < squared.length; index++) {
      if (taken > budget) return index;
      const z = from.coordinates[at++]! - points.offset[0];
      const y = from.coordinates[at++]! - points.offset[1];
      const x = from.coordinates[at++]! - box.offset[2];
      // The row that was nearest to the point before is seldom far from the nearest now.
      let best =
        (z - hintZ) ** 2 * scaleZ + (y - hintY) ** 2 * scaleY + squares[steps[(hintZ * height + hintY) * width + x]!]!;
      const lastZ = Math.max(z, depth - 1 - z);
      for (let dz = Math.max(0, -z, z - depth + 1); dz <= lastZ; dz++) {
        const planeSquared = dz * dz * scaleZ;
        if (planeSquared >= best) break;
        for (let plane = z - dz; plane <= z + dz; plane += 2 * dz || 1) {
          if (plane < 0 || plane >= depth) continue;
          const lastY = Math.max(y, height - 1 - y);
          for (let dy = Math.max(0, -y, y - height + 1); dy <= lastY; dy++) {
            const rowSquared = planeSquared + dy * dy * scaleY;
            if (rowSquared >= best) break;
            taken++;
            for (let row = y - dy; row <= y + dy; row += 2 * dy || 1) {
              if (row < 0 || row >= height) continue;
              const found = rowSquared + squares[steps[(plane * height + row) * width + x]!]!;
              if (found >= best) continue;
              best = found;
              hintZ = plane;
              hintY = row;
            }
          }
        }
      }
      squared[index] = best;
    }
    return squared.length;
  }
}
