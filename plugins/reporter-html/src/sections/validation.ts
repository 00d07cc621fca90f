import type { ClassInfo, MetricColumn } from '@dinomix/core';
import type { Point } from '../history/curve.js';
import { colourOf, foregroundOf, mainColumn } from '../history/facts.js';
import type { RunHistory, ValidationCurves } from '../history/history.js';
import { decimal } from '../markup/format.js';
import { html, type Markup } from '../markup/html.js';
import { figure, place } from '../svg/frame.js';
import { lineChart } from '../svg/line-chart.js';
import { charts, classChip, epochRange, type Section, section, teacherNotice, toEpoch } from './common.js';
import { lineColour, steppedLine } from './curves.js';

const byEpoch = (points: readonly Point[]): readonly Point[] => points.map(({ x, y }) => ({ x: x + 1, y }));

function meanFigure(
  { title, name }: MetricColumn,
  { mean, tail, classes }: ValidationCurves,
  history: RunHistory,
): Markup {
  const thin = foregroundOf(history).map((info) => ({
    name: info.name,
    colour: colourOf(info),
    points: byEpoch(classes[info.index]?.points ?? []),
    width: 1,
  }));
  const means = [
    { name: 'mean', colour: 'var(--ink)', points: byEpoch(mean.points), width: 2.6 },
    { name: 'tail ◆', colour: 'var(--accent)', points: byEpoch(tail.points), width: 2.6, dash: true },
  ];
  const lines = [...thin, ...means].filter(({ points }) => points.length > 0);
  const chart = lineChart({
    lines,
    xLabel: 'epoch',
    description: `${title} on the validation cases by epoch`,
    xDomain: [0, epochRange(history)[1]],
    ...(name === 'dice' && { yDomain: [0, 1] as const }),
  });
  return figure(
    html`${title} <output>${decimal(mean.last?.y)}</output>`,
    means,
    chart,
    'Thin lines are the classes, in the colours below.',
  );
}

const TILE = { width: 120, height: 34 } as const;

/** A small line without axes, from 0 to 1. */
function sparkline(points: readonly Point[], epochs: number, colour: string): Markup {
  const x = (epoch: number) => place(2 + ((TILE.width - 4) * epoch) / Math.max(epochs, 1));
  const y = (value: number) => place(TILE.height - 2 - (TILE.height - 4) * Math.min(Math.max(value, 0), 1));
  const path = points.map((point, index) => `${index === 0 ? 'M' : 'L'}${x(point.x)} ${y(point.y)}`).join('');
  const last = points.at(-1);
  return html`<svg class="spark" viewBox="0 0 ${TILE.width} ${TILE.height}" aria-hidden="true"><path class="grid" d="M0 ${y(0)}H${TILE.width}M0 ${y(1)}H${TILE.width}"/><g style="color:${colour}"><path class="line" stroke-width="1.8" d="${path}"/>${
    last !== undefined && html`<circle cx="${x(last.x)}" cy="${y(last.y)}" r="2.5"/>`
  }</g></svg>`;
}

function classTile(info: ClassInfo, { classes }: ValidationCurves, epochs: number): Markup {
  const curve = classes[info.index];
  const points = byEpoch(curve?.points ?? []);
  const best = points.reduce((most, { y }) => Math.max(most, y), Number.NEGATIVE_INFINITY);
  return html`<div class="class">${classChip(info)}${sparkline(points, epochs, colourOf(info))}<span>${decimal(curve?.last?.y)} <em>best ${decimal(best)}</em></span></div>`;
}

/** Dice against the targets of the steps, which needs no validation split. */
function proxyFigure(history: RunHistory): Markup | null {
  if (history.pseudoDice.size === 0) return null;
  const lines = [...history.pseudoDice].map(([student, curve], index) =>
    steppedLine(student, lineColour(index + 2), curve, toEpoch(history)),
  );
  const chart = lineChart({
    lines,
    xLabel: 'epoch',
    xDomain: epochRange(history),
    yDomain: [0, 1],
    description: 'mean Dice of the foreground against the targets of the steps',
  });
  const note = 'Mean of the foreground, crop by crop, against labels and pseudo-labels: a proxy.';
  return figure('Dice against the targets of the steps', lines.length > 1 ? lines : [], chart, note);
}

/** The course of the main column on the validation split: means, and every class by itself. */
export function validationSection(history: RunHistory): Section | null {
  const column = mainColumn(history.lastValidation?.columns ?? []);
  const curves = column === null ? undefined : history.validation.get(column.name);
  const proxy = proxyFigure(history);
  if (column === null || curves === undefined) {
    return proxy === null ? null : section('validation', 'Dice while training', charts(proxy));
  }
  const distance = history.lastValidation!.columns.find(({ unit }) => unit !== 'ratio');
  const distances = distance === undefined ? undefined : history.validation.get(distance.name);
  const epochs = epochRange(history)[1];
  return section(
    'validation',
    'Validation',
    teacherNotice(history),
    charts(
      meanFigure(column, curves, history),
      distance !== undefined &&
        distances !== undefined &&
        meanFigure({ ...distance, title: `${distance.title} (${distance.unit})` }, distances, history),
      proxy,
    ),
    column.unit === 'ratio' &&
      html`<div class="classes">${foregroundOf(history).map((info) => classTile(info, curves, epochs))}</div>`,
  );
}
