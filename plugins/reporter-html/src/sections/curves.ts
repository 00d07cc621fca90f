import type { Curve, Point } from '../history/curve.js';
import type { RunHistory } from '../history/history.js';
import { duration, short } from '../markup/format.js';
import { html, type Markup } from '../markup/html.js';
import { figure } from '../svg/frame.js';
import { type Line, lineChart } from '../svg/line-chart.js';
import { charts, epochRange, type Section, section, toEpoch } from './common.js';

/** Colours of lines that are no classes. */
export const LINE_COLOURS = [
  'var(--c1)',
  'var(--c2)',
  'var(--c3)',
  'var(--c4)',
  'var(--c5)',
  'var(--c6)',
  'var(--c7)',
  'var(--c8)',
] as const;

/** Colour of the n-th line. */
export function lineColour(index: number): string {
  return LINE_COLOURS[index % LINE_COLOURS.length]!;
}

/** A curve by step as a line by epoch: means with the range around them. */
export function steppedLine(name: string, colour: string, curve: Curve, epochOf: (step: number) => number): Line {
  const band = curve.spans.map((span) => ({
    ...span,
    from: epochOf(span.from),
    to: epochOf(span.to),
  }));
  const points = band.map(({ from, to, mean }): Point => ({ x: (from + to) / 2, y: mean }));
  return { name, colour, points, band };
}

function lossFigure(name: string, curve: Curve, weight: Curve | null, history: RunHistory): Markup {
  const line = steppedLine(name, lineColour(weight === null ? 0 : 1), curve, toEpoch(history));
  const last = weight?.last?.y;
  const title = html`${name}${last !== undefined && html` <small>weight ${short(last)}</small>`} <output>${short(curve.last?.y ?? Number.NaN)}</output>`;
  const chart = lineChart({
    lines: [line],
    xLabel: 'epoch',
    xDomain: epochRange(history),
    description: `${name} over the run`,
  });
  return figure(title, [], chart);
}

function weightFigure(history: RunHistory): Markup {
  const epochOf = toEpoch(history);
  const lines = [...history.terms].map(([name, { weight }], index) => ({
    ...steppedLine(name, lineColour(index), weight, epochOf),
    dash: index > 0 && index % 2 === 1,
  }));
  const chart = lineChart({
    lines,
    xLabel: 'epoch',
    xDomain: epochRange(history),
    description: 'weights of the loss terms',
  });
  return figure('weights of the terms', lines, chart);
}

function rateFigure(history: RunHistory): Markup {
  const line = steppedLine('learning rate', lineColour(4), history.learningRate, toEpoch(history));
  const chart = lineChart({
    lines: [line],
    xLabel: 'epoch',
    xDomain: epochRange(history),
    description: 'learning rate over the run',
  });
  return figure(html`learning rate <output>${short(history.learningRate.last?.y ?? Number.NaN)}</output>`, [], chart);
}

/** The losses: the sum, each term, weights and learning rate. */
export function lossSection(history: RunHistory): Section | null {
  if (history.steps === 0) return null;
  const terms = [...history.terms].map(([name, { value, weight }]) => lossFigure(name, value, weight, history));
  return section(
    'losses',
    'Losses',
    charts(
      lossFigure('loss (weighted sum)', history.loss, null, history),
      ...terms,
      weightFigure(history),
      rateFigure(history),
    ),
    html`<p class="note">Lines are means, shaded areas reach from the smallest to the largest step. Terms are shown before their weight.</p>`,
  );
}

/** Time of epochs and steps. */
export function timeSection(history: RunHistory): Section | null {
  if (history.steps === 0) return null;
  const epochs = history.epochSeconds.points.map(({ x, y }) => ({ x: x + 1, y }));
  const epochChart = lineChart({
    lines: [{ name: 'epoch', colour: lineColour(5), points: epochs }],
    xLabel: 'epoch',
    description: 'seconds of each epoch, validation included',
    yFormat: (seconds) => `${short(seconds)} s`,
  });
  const step = steppedLine('step', lineColour(6), history.stepMs, toEpoch(history));
  const stepChart = lineChart({
    lines: [step],
    xLabel: 'epoch',
    xDomain: epochRange(history),
    log: true,
    description: 'milliseconds of each step',
    yFormat: (ms) => `${short(ms)} ms`,
  });
  const last = history.epochSeconds.last;
  return section(
    'time',
    'Time',
    charts(
      epochs.length > 0 &&
        figure(
          html`epoch, validation included${last !== null && html` <output>${duration(last.y)}</output>`}`,
          [],
          epochChart,
        ),
      figure(html`step <output>${short(history.stepMs.last?.y ?? Number.NaN)} ms</output>`, [], stepChart),
    ),
    html`<p class="note">Uneven times mean that something else used the machine, or that graphs were traced anew.</p>`,
  );
}
