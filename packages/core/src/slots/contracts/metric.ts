import type { Index3 } from './common.js';

/** One number per class that a metric gives. */
export interface MetricColumn {
  /** Key in events and summaries, e.g. `dice`. */
  readonly name: string;
  /** Heading in tables, e.g. `Dice`. */
  readonly title: string;
  readonly unit: 'ratio' | 'mm' | 'voxel';
  readonly better: 'higher' | 'lower';
  /** Whose definition it is where tools differ, e.g. `medpy`. Columns that differ here are never to share a table. */
  readonly definition?: string;
  /** Rule for classes without a voxel on one side or on both, e.g. `p1`. Columns that differ here are never to share a table. */
  readonly empty?: string;
}

/** Prediction and reference of one case on one grid. */
export interface MetricInput {
  /** Class indices `[d, h, w]`. */
  readonly prediction: Uint8Array;
  /** Class indices `[d, h, w]`. */
  readonly reference: Uint8Array;
  /** `[d, h, w]` voxels. */
  readonly shape: Index3;
  /** `[d, h, w]` mm. */
  readonly spacing: Index3;
  /** k, background included. */
  readonly classCount: number;
}

/** Values by column name, each `[k]`; null where the metric is not defined (background, or by its own rule). */
export type MetricValues = Readonly<Record<string, readonly (number | null)[]>>;

/** The slot `metric`: compares label maps. Pure. */
export interface Metric {
  readonly columns: readonly MetricColumn[];
  evaluate(input: MetricInput): MetricValues | Promise<MetricValues>;
}
