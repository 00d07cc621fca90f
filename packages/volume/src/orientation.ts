import { VolumeError } from './errors.js';
import { type Affine, assertAffine, multiplyAffine, spacingOf } from './geometry.js';
import type { Triple } from './triple.js';
import { allocateLike, bitsOf, type Grid, type Volume, type VoxelArray, voxelCount } from './volume.js';

const POSITIVE = ['R', 'A', 'S'] as const;
const NEGATIVE = ['L', 'P', 'I'] as const;

type Columns = [Triple, Triple, Triple];

/** A world axis (0 right, 1 anterior, 2 superior) and the direction along it. */
interface AxisMatch {
  readonly world: number;
  readonly sign: 1 | -1;
}

/**
 * How to turn a grid to another orientation and back. Plain data: it can be kept beside a result as JSON.
 *
 * @remarks Axes count in the order of memory, z, y, x.
 */
export interface Reorientation {
  /** Axis of the source that becomes each axis of the target. */
  readonly order: Triple;
  /** Whether each axis of the target runs against its source axis. */
  readonly reversed: readonly [boolean, boolean, boolean];
  readonly source: Grid;
  readonly target: Grid;
}

/**
 * Returns where the axes i, j, k (x, y, z of memory) point to, such as `RAS` or `LPS`: R means to the patient's right.
 *
 * @remarks Each axis of an oblique grid takes the nearest world axis, the closest match first, after the nearest
 * rotation is found (polar decomposition): the result is that of nibabel's `aff2axcodes`.
 */
export function orientationOf(affine: Affine): string {
  return matchAxes(affine)
    .map(({ world, sign }) => (sign > 0 ? POSITIVE : NEGATIVE)[world])
    .join('');
}

function matchAxes(affine: Affine): AxisMatch[] {
  assertAffine(affine);
  const columns = nearestRotation(affine);
  const strength = columns.map((column) => Math.max(...column.map((value) => value * value)));
  const strongestFirst = [0, 1, 2].sort((a, b) => strength[b]! - strength[a]! || a - b);
  const matches: AxisMatch[] = [];
  const taken = new Set<number>();
  for (const axis of strongestFirst) {
    const column = columns[axis]!;
    const free = [0, 1, 2].filter((world) => !taken.has(world));
    const world = free.reduce((best, other) => (Math.abs(column[other]!) > Math.abs(column[best]!) ? other : best));
    taken.add(world);
    matches[axis] = { world, sign: column[world]! < 0 ? -1 : 1 };
  }
  return matches;
}

// Newton's iteration for the orthogonal polar factor: R <- (R + inverse(R)^T) / 2 (Higham 1986).
function nearestRotation(affine: Affine): Columns {
  const [sz, sy, sx] = spacingOf(affine);
  let columns = [sx, sy, sz].map((step, axis) =>
    affine.slice(0, 3).map((row) => row[axis]! / step),
  ) as unknown as Columns;
  for (let round = 0; round < 60; round++) {
    const inverse = inverseTranspose(columns);
    let change = 0;
    const next = columns.map((column, axis) =>
      column.map((value, row) => {
        const mean = (value + inverse[axis]![row]!) / 2;
        change = Math.max(change, Math.abs(mean - value));
        return mean;
      }),
    ) as unknown as Columns;
    columns = next;
    if (change < 1e-14) break;
  }
  return columns;
}

function inverseTranspose([a, b, c]: Columns): Columns {
  const cross = (u: Triple, v: Triple): Triple => [
    u[1] * v[2] - u[2] * v[1],
    u[2] * v[0] - u[0] * v[2],
    u[0] * v[1] - u[1] * v[0],
  ];
  const bc = cross(b, c);
  const determinant = a[0] * bc[0] + a[1] * bc[1] + a[2] * bc[2];
  const scaled = (vector: Triple) => vector.map((value) => value / determinant) as unknown as Triple;
  return [scaled(bc), scaled(cross(c, a)), scaled(cross(a, b))];
}

function parseCodes(codes: string): AxisMatch[] {
  const matches = [...codes].map((letter): AxisMatch | undefined => {
    const positive = POSITIVE.indexOf(letter as (typeof POSITIVE)[number]);
    if (positive >= 0) return { world: positive, sign: 1 };
    const negative = NEGATIVE.indexOf(letter as (typeof NEGATIVE)[number]);
    return negative >= 0 ? { world: negative, sign: -1 } : undefined;
  });
  const worlds = new Set(matches.map((match) => match?.world));
  if (matches.length === 3 && worlds.size === 3 && !worlds.has(undefined)) return matches as AxisMatch[];
  throw new VolumeError('DMX_VOLUME_ARGUMENT', {
    problem: `"${codes}" is not an orientation`,
    fix: 'pass three letters, one each of R/L, A/P and S/I, such as RAS',
  });
}

/**
 * Returns how to turn a grid so that its axes i, j, k point along `codes`, default RAS: axes are exchanged and
 * reversed, no value is interpolated. Oblique grids stay oblique.
 */
export function planReorientation(source: Grid, codes = 'RAS'): Reorientation {
  const from = matchAxes(source.affine);
  // Both lists are in the order i, j, k; memory is k, j, i.
  const steps = parseCodes(codes).map(({ world, sign }) => {
    const axis = from.findIndex((match) => match.world === world);
    return { axis, reversed: from[axis]!.sign !== sign };
  });
  const memory = [...steps].reverse();
  const order = memory.map(({ axis }) => 2 - axis) as unknown as Triple;
  const reversed = memory.map((step) => step.reversed) as [boolean, boolean, boolean];
  const pick = (values: Triple) => order.map((axis) => values[axis]) as unknown as Triple;
  const change = [0, 1, 2].map((axis) => [
    ...steps.map((step) => (step.axis === axis ? (step.reversed ? -1 : 1) : 0)),
    lastIndexIfReversed(axis),
  ]);
  function lastIndexIfReversed(axis: number): number {
    return steps.some((step) => step.axis === axis && step.reversed) ? source.shape[2 - axis]! - 1 : 0;
  }
  const affine = multiplyAffine(source.affine, [...change, [0, 0, 0, 1]] as unknown as Affine);
  return { order, reversed, source, target: { shape: pick(source.shape), spacing: pick(source.spacing), affine } };
}

/** Returns the volume turned as planned: every voxel keeps its value and its place in the world. */
export function reorient<T extends VoxelArray>(volume: Volume<T>, plan: Reorientation): Volume<T> {
  assertPlanned(volume, plan.source.shape);
  const strides = stridesOf(plan.source.shape);
  const step: number[] = [];
  let start = 0;
  for (const [axis, from] of plan.order.entries()) {
    const reversed = plan.reversed[axis] === true;
    step[axis] = reversed ? -strides[from]! : strides[from]!;
    if (reversed) start += (plan.source.shape[from]! - 1) * strides[from]!;
  }
  const data = gather(volume.data, plan.target.shape, start, step as unknown as Triple);
  return { ...plan.target, data };
}

/** Returns a volume on the plan's target grid turned back: data, shape, spacing and affine are those of the source. */
export function undoReorientation<T extends VoxelArray>(volume: Volume<T>, plan: Reorientation): Volume<T> {
  assertPlanned(volume, plan.target.shape);
  const strides = stridesOf(plan.target.shape);
  const step: number[] = [];
  let start = 0;
  for (const [axis, from] of plan.order.entries()) {
    const reversed = plan.reversed[axis] === true;
    step[from] = reversed ? -strides[axis]! : strides[axis]!;
    if (reversed) start += (plan.target.shape[axis]! - 1) * strides[axis]!;
  }
  const data = gather(volume.data, plan.source.shape, start, step as unknown as Triple);
  return { ...plan.source, data };
}

function stridesOf(shape: Triple): Triple {
  return [shape[1] * shape[2], shape[2], 1];
}

function assertPlanned({ shape }: Grid, expected: Triple): void {
  if (shape.every((size, axis) => size === expected[axis])) return;
  throw new VolumeError('DMX_VOLUME_ARGUMENT', {
    problem: `the volume has the shape [${shape}], the reorientation was planned for [${expected}]`,
    fix: 'resize the volume to the grid of the plan first',
  });
}

// out[z, y, x] = data[start + z * step[0] + y * step[1] + x * step[2]]
function gather<T extends VoxelArray>(data: T, shape: Triple, start: number, step: Triple): T {
  const out = allocateLike(data, voxelCount(shape));
  const from = bitsOf(data);
  const to = bitsOf(out);
  const [depth, height, width] = shape;
  const stepX = step[2];
  let target = 0;
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      let source = start + z * step[0] + y * step[1];
      for (let x = 0; x < width; x++) {
        to[target++] = from[source]!;
        source += stepX;
      }
    }
  }
  return out;
}
