import type { SurfaceOptions } from './options.js';

export type Measure = SurfaceOptions['measures'][number];

/** Distances from the elements of one surface to the other one. */
export interface Directed {
  readonly distances: Float64Array;
  /** What each element counts; absent where all count the same. */
  readonly areas?: Float64Array;
}

/** Both directions: from the prediction and from the reference. */
export interface Distances {
  readonly forth: Directed;
  readonly back: Directed;
}

function sum(items: Float64Array): number {
  let total = 0;
  for (let index = 0; index < items.length; index++) total += items[index]!;
  return total;
}

/** Sum of distances times what they count, and the sum of what counts. */
function moments({ distances, areas }: Directed): readonly [total: number, weight: number] {
  if (areas === undefined) return [sum(distances), distances.length];
  let total = 0;
  for (let index = 0; index < distances.length; index++) total += distances[index]! * areas[index]!;
  return [total, sum(areas)];
}

function mean(...sides: readonly Directed[]): number {
  const parts = sides.map(moments);
  return parts.reduce((all, [total]) => all + total, 0) / parts.reduce((all, [, weight]) => all + weight, 0);
}

/** numpy's linear percentile. */
export function percentile(items: ArrayLike<number>, percent: number): number {
  const sorted = Float64Array.from(items).sort();
  const position = ((sorted.length - 1) * percent) / 100;
  const low = Math.floor(position);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (sorted[high]! - sorted[low]!) * (position - low);
}

/** The distance up to which lies `percent` of the area: no interpolation (DeepMind). */
function areaPercentile(distances: Float64Array, areas: Float64Array, percent: number): number {
  const order = Uint32Array.from(distances.keys()).sort(
    (a, b) => distances[a]! - distances[b]! || areas[a]! - areas[b]!,
  );
  const total = sum(areas);
  let covered = 0;
  for (const index of order) {
    covered += areas[index]!;
    if (covered / total >= percent / 100) return distances[index]!;
  }
  return distances[order.at(-1)!]!;
}

function directedPercentile({ distances, areas }: Directed, percent: number): number {
  return areas === undefined ? percentile(distances, percent) : areaPercentile(distances, areas, percent);
}

function joined(first: Float64Array, second: Float64Array): Float64Array {
  const all = new Float64Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}

function within({ distances, areas }: Directed, tolerance: number): number {
  let total = 0;
  for (let index = 0; index < distances.length; index++) {
    if (distances[index]! <= tolerance) total += areas === undefined ? 1 : areas[index]!;
  }
  return total;
}

/**
 * One measure of two surfaces that are not empty.
 *
 * @remarks ASD goes one way, from the prediction to the reference: MedPy's `asd(prediction, reference)`, MONAI's
 * `SurfaceDistanceMetric`, the second number of DeepMind's `compute_average_surface_distance`. ASSD is the mean over the
 * elements of both surfaces: `assd` of MedPy 0.5, MONAI's with `symmetric`. HD95 is MedPy's 95th percentile of both
 * directions together; MONAI and DeepMind take the larger of the two directions. NSD is the share of both surfaces
 * within the tolerance: voxels with MONAI, and with MedPy, which has none; area with DeepMind.
 */
export function measureOf(measure: Measure, { forth, back }: Distances, options: SurfaceOptions): number {
  switch (measure) {
    case 'asd':
      return mean(forth);
    case 'assd':
      return mean(forth, back);
    case 'hd95':
      return options.definition === 'medpy'
        ? percentile(joined(forth.distances, back.distances), 95)
        : Math.max(directedPercentile(forth, 95), directedPercentile(back, 95));
    case 'nsd':
      return (
        (within(forth, options.tolerance) + within(back, options.tolerance)) / (moments(forth)[1] + moments(back)[1])
      );
  }
}
