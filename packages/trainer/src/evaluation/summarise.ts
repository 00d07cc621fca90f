import type { CaseResult, ClassInfo, EvaluationReport, MetricColumn, MetricValues } from '@dinomix/core';

/** Mean of the values that are defined; null when none is. */
function meanOf(values: readonly (number | null | undefined)[]): number | null {
  const defined = values.filter((value): value is number => typeof value === 'number');
  return defined.length === 0 ? null : defined.reduce((total, value) => total + value, 0) / defined.length;
}

/**
 * Means of an evaluation: over cases for each class, then over the foreground classes and over the tail set
 * (method.md §2.6). Values that are not defined are left out.
 */
export function summarise(
  role: EvaluationReport['role'],
  columns: readonly MetricColumn[],
  cases: readonly CaseResult[],
  classes: readonly ClassInfo[],
  weights: string,
): EvaluationReport {
  const perClass: Record<string, (number | null)[]> = {};
  const over = (column: string, chosen: readonly ClassInfo[]) =>
    meanOf(chosen.map(({ index }) => perClass[column]![index]));
  for (const { name } of columns) {
    perClass[name] = classes.map(({ index }) => meanOf(cases.map(({ values }) => values[name]?.[index])));
  }
  const means = (chosen: readonly ClassInfo[]) =>
    Object.fromEntries(columns.map(({ name }) => [name, over(name, chosen)]));
  const foreground = classes.filter(({ index }) => index > 0);
  return {
    role,
    columns,
    cases,
    perClass: perClass satisfies MetricValues,
    mean: means(foreground),
    tail: means(foreground.filter(({ tail }) => tail)),
    weights,
  };
}
