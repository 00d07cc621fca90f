import type { EvaluationReport } from '@dinomix/core';
import { columnHeading } from '../results/heading.js';
import { columns } from '../text.js';

const shown = (value: number | null | undefined) => (value == null ? '-' : value.toFixed(3));

/** An evaluation as a table: a row for each foreground class, then the means. */
export function evaluationTable(report: EvaluationReport, classNames: readonly string[]): string {
  const { columns: metrics, perClass, mean, tail } = report;
  const names = metrics.map(({ name }) => name);
  const head = ['class', ...metrics.map(columnHeading)];
  const rows = classNames
    .slice(1)
    .map((name, index) => [name, ...names.map((one) => shown(perClass[one]?.[index + 1]))]);
  const means = [
    ['mean', ...names.map((one) => shown(mean[one]))],
    ['mean of the tail', ...names.map((one) => shown(tail[one]))],
  ];
  const collapsed = report.collapsed?.map((index) => classNames[index] ?? `class ${index}`);
  const verdict =
    collapsed === undefined
      ? ''
      : `\n\ncollapsed (present, but no voxel right in any case): ${collapsed.join(', ') || 'none'}`;
  return `${columns([head, ...rows, ...means], '')}${verdict}`;
}
