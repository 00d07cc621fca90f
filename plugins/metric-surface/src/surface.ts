import type { Index3, Metric, MetricColumn } from '@dinomix/core';
import { type GridPoints, labelSurfaces, nearestDistances } from '@dinomix/volume';
import type { SurfaceOptions } from './options.js';

type Measure = SurfaceOptions['measures'][number];

const TITLES: Readonly<Record<Measure, string>> = { asd: 'ASD', assd: 'ASSD', hd95: 'HD95', nsd: 'NSD' };

/** Distances of every surface voxel to the other surface, both ways. */
interface Distances {
  readonly forth: Float64Array;
  readonly back: Float64Array;
}

function mean(items: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < items.length; index++) sum += items[index]!;
  return sum / items.length;
}

/** numpy's linear percentile. */
export function percentile(items: ArrayLike<number>, percent: number): number {
  const sorted = Float64Array.from(items).sort();
  const position = ((sorted.length - 1) * percent) / 100;
  const low = Math.floor(position);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (sorted[high]! - sorted[low]!) * (position - low);
}

function joined(first: ArrayLike<number>, second: ArrayLike<number>): Float64Array {
  const all = new Float64Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}

function countWithin(items: ArrayLike<number>, tolerance: number): number {
  let count = 0;
  for (let index = 0; index < items.length; index++) if (items[index]! <= tolerance) count++;
  return count;
}

/**
 * ASD is one-directional, from the prediction to the reference (MedPy's `asd(prediction, reference)`, what the published
 * tables call ASD); ASSD is the mean over both directions' distances together (MedPy 0.5's `assd`); NSD is the share of both surfaces within
 * the tolerance, counted in surface voxels.
 */
export function measureOf(measure: Measure, { forth, back }: Distances, options: SurfaceOptions): number {
  switch (measure) {
    case 'asd':
      return mean(forth);
    case 'assd':
      return mean(joined(forth, back));
    case 'hd95':
      if (options.hausdorff === 'monai') return Math.max(percentile(forth, 95), percentile(back, 95));
      return percentile(joined(forth, back), 95);
    case 'nsd':
      return (
        (countWithin(forth, options.tolerance) + countWithin(back, options.tolerance)) / (forth.length + back.length)
      );
  }
}

/** Distance that the published P1 scripts give where one side lacks the class (method of DHC's evaluation). */
const P1_MISSING = 128;

function emptyScore(measure: Measure, bothEmpty: boolean, options: SurfaceOptions): number | null {
  if (options.empty === 'undefined') return null;
  if (measure === 'nsd') return bothEmpty ? 1 : 0;
  return bothEmpty ? 0 : P1_MISSING;
}

/** The slot `metric` for surface distances; the background has no value. */
export function createSurfaceMetric(options: SurfaceOptions): Metric {
  const columns: MetricColumn[] = options.measures.map((name) => ({
    name,
    title: TITLES[name],
    unit: name === 'nsd' ? 'ratio' : options.unit,
    better: name === 'nsd' ? 'higher' : 'lower',
  }));
  return {
    columns,
    evaluate({ prediction, reference, shape, spacing, classCount }) {
      const predicted = labelSurfaces(prediction, shape, classCount);
      const present = labelSurfaces(reference, shape, classCount);
      const steps: Index3 = options.unit === 'mm' ? spacing : [1, 1, 1];
      const rows = predicted.map((from, id) => (id === 0 ? undefined : classValues(from, present[id], steps, options)));
      return Object.fromEntries(
        options.measures.map((measure, column) => [measure, rows.map((row) => (row ? row[column]! : null))]),
      );
    },
  };
}

function classValues(
  predicted: GridPoints | undefined,
  present: GridPoints | undefined,
  spacing: Index3,
  options: SurfaceOptions,
): (number | null)[] {
  if (predicted === undefined || present === undefined) {
    return options.measures.map((measure) => emptyScore(measure, predicted === present, options));
  }
  const distances = {
    forth: nearestDistances(predicted, present, spacing),
    back: nearestDistances(present, predicted, spacing),
  };
  return options.measures.map((measure) => measureOf(measure, distances, options));
}
