import type { Metric, MetricColumn, MetricInput } from '@dinomix/core';
import type { OverlapOptions } from './options.js';

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

const EMPTY_SCORE: Readonly<Record<OverlapOptions['empty'], number | null>> = { undefined: null, p1: 0.01, p2: 1 };

/** The slot `metric` for overlap measures; the background has no value. */
export function createOverlapMetric({ measures, empty }: OverlapOptions): Metric {
  const columns: MetricColumn[] = measures.map((name) => ({
    name,
    title: TITLES[name],
    unit: 'ratio',
    better: 'higher',
  }));
  return {
    columns,
    evaluate(input) {
      const counts = countOverlap(input);
      const score = (measure: Measure, id: number) => {
        const classCounts = counts[id]!;
        if (id === 0) return null;
        if (classCounts.predicted + classCounts.present === 0) return EMPTY_SCORE[empty];
        return measureOf(measure, classCounts);
      };
      return Object.fromEntries(measures.map((measure) => [measure, counts.map((_, id) => score(measure, id))]));
    },
  };
}
