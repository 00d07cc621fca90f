import type { Metric, MetricColumn, MetricInput } from '@dinomix/core';
import type { EmptyRule, OverlapOptions } from './options.js';

type Measure = OverlapOptions['measures'][number];

const TITLES: Readonly<Record<Measure, string>> = {
  dice: 'Dice',
  jaccard: 'Jaccard',
  precision: 'Precision',
  recall: 'Recall',
};

/** Voxels of one class: in both, in the prediction, in the reference. */
export interface Counts {
  readonly both: number;
  readonly predicted: number;
  readonly present: number;
}

/** Counts by class `[k]` of two label maps `[d, h, w]`. */
export function countOverlap({ prediction, reference, classCount }: MetricInput): Counts[] {
  const both = new Float64Array(classCount);
  const predicted = new Float64Array(classCount);
  const present = new Float64Array(classCount);
  for (let voxel = 0; voxel < reference.length; voxel++) {
    const found = prediction[voxel]!;
    const truth = reference[voxel]!;
    predicted[found]!++;
    present[truth]!++;
    if (found === truth) both[truth]!++;
  }
  return Array.from(both, (count, id) => ({ both: count, predicted: predicted[id]!, present: present[id]! }));
}

/** One measure of non-empty counts. Undefined ratios (no voxel predicted, none present) are 0, as in MedPy. */
export function measureOf(measure: Measure, { both, predicted, present }: Counts): number {
  switch (measure) {
    case 'dice':
      return (2 * both) / (predicted + present);
    case 'jaccard':
      return both / (predicted + present - both);
    case 'precision':
      return predicted === 0 ? 0 : both / predicted;
    case 'recall':
      return present === 0 ? 0 : both / present;
  }
}

/**
 * Score of a class that is absent on both sides; null leaves it out of the means.
 *
 * @remarks `p1`: method.md §2.6. `p2`: §2.8, where a case without any foreground in the prediction gets zeros.
 */
export function emptyScore(rule: EmptyRule, isPredictionEmpty: boolean): number | null {
  if (rule === 'undefined') return null;
  if (rule === 'p1') return 0.01;
  return rule === 'p2' && isPredictionEmpty ? 0 : 1;
}

interface Column extends MetricColumn {
  readonly measure: Measure;
  readonly empty: EmptyRule;
}

function columnsOf({ measures, empty }: OverlapOptions): Column[] {
  return [empty].flat().flatMap((rule, index) =>
    measures.map((measure): Column => {
      // The first rule has the plain names, by which runs are selected and compared.
      const name = index === 0 ? measure : `${measure}-${rule}`;
      return { measure, name, title: TITLES[measure], unit: 'ratio', better: 'higher', empty: rule };
    }),
  );
}

/** The slot `metric` for overlap measures; the background has no value. */
export function createOverlapMetric(options: OverlapOptions): Metric {
  const columns = columnsOf(options);
  return {
    columns: columns.map(({ measure: _, ...column }) => column),
    evaluate(input) {
      const counts = countOverlap(input);
      const isPredictionEmpty = counts.every(({ predicted }, id) => id === 0 || predicted === 0);
      const score = ({ measure, empty }: Column, id: number) => {
        const classCounts = counts[id]!;
        if (id === 0) return null;
        if (classCounts.predicted + classCounts.present === 0) return emptyScore(empty, isPredictionEmpty);
        return measureOf(measure, classCounts);
      };
      return Object.fromEntries(columns.map((column) => [column.name, counts.map((_, id) => score(column, id))]));
    },
  };
}
