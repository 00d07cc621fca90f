import type { EvaluationReport, MetricValues } from '@dinomix/core';

/** Mean over runs and the population standard deviation (ddof 0); null where no run has a value. */
export interface OverRuns {
  readonly mean: number | null;
  readonly std: number | null;
}

/** Several runs of one method, with other seeds. */
export interface RunsSummary {
  readonly runs: number;
  /** Mean over foreground classes by column, then over runs. */
  readonly mean: Readonly<Record<string, OverRuns>>;
  /** The same over the tail classes. */
  readonly tail: Readonly<Record<string, OverRuns>>;
  /** Mean over runs of each run's mean over cases by column, `[k]`. */
  readonly perClass: MetricValues;
  /** Foreground classes that collapsed, by run; null for a report of an earlier version. */
  readonly collapsed: readonly (number | null)[];
}

/** Mean of the values that are defined; null when none is. */
export function meanOf(values: readonly (number | null | undefined)[]): number | null {
  const defined = values.filter((value): value is number => typeof value === 'number');
  return defined.length === 0 ? null : defined.reduce((total, value) => total + value, 0) / defined.length;
}

function overRuns(values: readonly (number | null | undefined)[]): OverRuns {
  const mean = meanOf(values);
  if (mean === null) return { mean, std: null };
  const variance = meanOf(values.map((value) => (typeof value === 'number' ? (value - mean) ** 2 : null)))!;
  return { mean, std: Math.sqrt(variance) };
}

/**
 * Means over runs, as the published tables have them (method.md §2.6): the score of a run is the mean over classes of the
 * means over cases, the result is the mean of the runs' scores with their population standard deviation, a class has the
 * mean over runs.
 */
export function aggregateRuns(reports: readonly EvaluationReport[]): RunsSummary {
  const columns = reports[0]?.columns ?? [];
  const by = (pick: (report: EvaluationReport, column: string) => number | null | undefined) =>
    Object.fromEntries(columns.map(({ name }) => [name, overRuns(reports.map((report) => pick(report, name)))]));
  const classes = Object.keys(reports[0]?.perClass[columns[0]?.name ?? ''] ?? []).map(Number);
  return {
    runs: reports.length,
    mean: by((report, column) => report.mean[column]),
    tail: by((report, column) => report.tail[column]),
    perClass: Object.fromEntries(
      columns.map(({ name }) => [
        name,
        classes.map((index) => meanOf(reports.map(({ perClass }) => perClass[name]?.[index]))),
      ]),
    ),
    collapsed: reports.map(({ collapsed }) => collapsed?.length ?? null),
  };
}
