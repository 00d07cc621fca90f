import { colourOf, foregroundOf, labelledShares, mainColumn, resultOf } from '../history/facts.js';
import type { RunHistory } from '../history/history.js';
import { decimal, percent } from '../markup/format.js';
import type { Markup } from '../markup/html.js';
import { figure } from '../svg/frame.js';
import { type Spot, scatterChart } from '../svg/scatter-chart.js';

/** How often a class is labelled against how well it is found. */
export function frequencyFigure(history: RunHistory): Markup | null {
  const report = resultOf(history);
  const column = mainColumn(report?.columns ?? []);
  if (report === null || column === null || column.unit !== 'ratio') return null;
  const shares = labelledShares(history);
  const spots = foregroundOf(history).flatMap((info): readonly Spot[] => {
    const x = shares[info.index] ?? 0;
    const y = report.perClass[column.name]?.[info.index];
    if (!(x > 0) || y === null || y === undefined) return [];
    const values = report.cases.flatMap(({ values }) => values[column.name]?.[info.index] ?? []);
    const range = values.length < 2 ? null : ([Math.min(...values), Math.max(...values)] as const);
    const title = `${info.name}: ${percent(x)} of the labelled foreground, ${column.title} ${decimal(y)}`;
    return [{ name: info.name, x, y, range, colour: colourOf(info), tail: info.tail, title }];
  });
  if (spots.length === 0) return null;
  const chart = scatterChart(
    spots,
    'share of the labelled foreground (log)',
    column.title,
    `${column.title} against class frequency`,
  );
  const note = 'Diamonds are the tail classes; lines reach from the worst to the best case.';
  return figure(`${column.title} against class frequency (${report.role})`, [], chart, note);
}
