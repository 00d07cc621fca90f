import type { CaseResult, ClassInfo, EvaluationReport, MetricColumn, MetricValues } from '@dinomix/core';
import { meanOf } from './aggregate.js';

/** Classes that some reference holds and of which no case has one voxel right; undefined where that is not known. */
function collapsedOf(cases: readonly CaseResult[], classes: readonly ClassInfo[]): number[] | undefined {
  if (cases.some(({ present, hit }) => present === undefined || hit === undefined)) return undefined;
  const isAny = (field: 'present' | 'hit', index: number) => cases.some((result) => result[field]![index] === true);
  return classes
    .map(({ index }) => index)
    .filter((index) => index > 0 && isAny('present', index) && !isAny('hit', index));
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
  const collapsed = collapsedOf(cases, classes);
  return {
    role,
    columns,
    cases,
    perClass: perClass satisfies MetricValues,
    mean: means(foreground),
    tail: means(foreground.filter(({ tail }) => tail)),
    ...(collapsed === undefined ? {} : { collapsed }),
    classes: classes.map(({ index, name, tail }) => ({ index, name, tail })),
    weights,
  };
}
