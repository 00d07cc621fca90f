import type { Index3, Metric, MetricColumn, MetricInput } from '@dinomix/core';
import { labelSurfaces, nearestDistances } from '@dinomix/volume';
import { type Directed, type Measure, measureOf } from './measures.js';
import type { EmptyRule, SurfaceOptions } from './options.js';
import { labelSurfels, type Surface } from './surfels.js';

const TITLES: Readonly<Record<Measure, string>> = { asd: 'ASD', assd: 'ASSD', hd95: 'HD95', nsd: 'NSD' };

/** Distance that the published scripts give where one side lacks the class (method.md §2.6; GALoss has the same). */
const MISSING = 128;

/** What is known of a case where one side or both lack a class. */
export interface Absence {
  readonly fromBoth: boolean;
  /** No class at all was predicted. */
  readonly isPredictionEmpty: boolean;
  /** Length of the volume's diagonal, in the unit of the distances. */
  readonly diagonal: number;
}

/** Value of a class that one side or both lack; null leaves it out of the means. */
export function emptyScore(measure: Measure, rule: EmptyRule, absence: Absence): number | null {
  if (rule === 'undefined') return null;
  if (rule === 'p2' && absence.isPredictionEmpty) return 0;
  if (measure === 'nsd') return absence.fromBoth ? 1 : 0;
  if (absence.fromBoth) return 0;
  return rule === 'corrected' ? absence.diagonal : MISSING;
}

interface Column extends MetricColumn {
  readonly measure: Measure;
  readonly empty: EmptyRule;
}

function titleOf(measure: Measure, { tolerance, unit }: SurfaceOptions): string {
  return measure === 'nsd' ? `${TITLES.nsd} at ${tolerance} ${unit}` : TITLES[measure];
}

function columnsOf(options: SurfaceOptions): Column[] {
  const { measures, unit, definition, empty } = options;
  return [empty].flat().flatMap((rule, index) =>
    measures.map((measure): Column => {
      // The first rule has the plain names, by which runs are selected and compared.
      const name = index === 0 ? measure : `${measure}-${rule}`;
      const isShare = measure === 'nsd';
      const better = isShare ? 'higher' : 'lower';
      return {
        measure,
        name,
        title: titleOf(measure, options),
        unit: isShare ? 'ratio' : unit,
        better,
        definition,
        empty: rule,
      };
    }),
  );
}

/** The surface of each class, after the definition's own idea of a surface. */
function surfacesOf(
  labels: Uint8Array,
  { shape, classCount }: MetricInput,
  spacing: Index3,
  { definition }: SurfaceOptions,
): (Surface | undefined)[] {
  if (definition === 'deepmind') return labelSurfels(labels, shape, classCount, spacing);
  return labelSurfaces(labels, shape, classCount).map((points) => points && { points });
}

function directed(from: Surface, to: Surface, spacing: Index3): Directed {
  return { ...from, distances: nearestDistances(from.points, to.points, spacing) };
}

/** The slot `metric` for surface distances; the background has no value. */
export function createSurfaceMetric(options: SurfaceOptions): Metric {
  const columns = columnsOf(options);
  return {
    columns: columns.map(({ measure: _, ...column }) => column),
    evaluate(input) {
      const { prediction, reference, shape } = input;
      const spacing: Index3 = options.unit === 'mm' ? input.spacing : [1, 1, 1];
      const predicted = surfacesOf(prediction, input, spacing, options);
      const present = surfacesOf(reference, input, spacing, options);
      const isPredictionEmpty = predicted.every((surface) => surface === undefined);
      const diagonal = Math.hypot(...shape.map((size, axis) => size * spacing[axis]!));
      const rows = predicted.map((from, id): (number | null)[] => {
        const to = present[id];
        if (id === 0) return columns.map(() => null);
        if (from === undefined || to === undefined) {
          const absence = { fromBoth: from === to, isPredictionEmpty, diagonal };
          return columns.map(({ measure, empty }) => emptyScore(measure, empty, absence));
        }
        const distances = { forth: directed(from, to, spacing), back: directed(to, from, spacing) };
        return columns.map(({ measure }) => measureOf(measure, distances, options));
      });
      return Object.fromEntries(columns.map(({ name }, column) => [name, rows.map((row) => row[column]!)]));
    },
  };
}
