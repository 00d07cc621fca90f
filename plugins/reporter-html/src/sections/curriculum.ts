import type { ClassInfo } from '@dinomix/core';
import { colourOf, foregroundOf, labelledShares } from '../history/facts.js';
import type { RunHistory } from '../history/history.js';
import { coarser, type VectorCurve, type VectorSpan } from '../history/vector-curve.js';
import { counted, percent } from '../markup/format.js';
import { type Content, html, type Markup } from '../markup/html.js';
import { figure } from '../svg/frame.js';
import { lineChart } from '../svg/line-chart.js';
import { type Row, rowsChart } from '../svg/rows-chart.js';
import { type Layer, shareChart, sharesOf } from '../svg/share-chart.js';
import { charts, classChip, epochRange, type Section, section, table, toEpoch } from './common.js';
import { lineColour } from './curves.js';

/** Classes from the rarest, so that the tail lies at the bottom of every picture. */
function fromRarest(history: RunHistory): readonly ClassInfo[] {
  const shares = labelledShares(history);
  return [...foregroundOf(history)].sort((a, b) => (shares[a.index] ?? 0) - (shares[b.index] ?? 0));
}

function layersOf(classes: readonly ClassInfo[]): readonly Layer[] {
  return classes.map((info) => ({ index: info.index, name: info.name, colour: colourOf(info) }));
}

/** `plannedLabelled` as `planned, labelled`. */
function readable(name: string): string {
  return name.replace(/([a-z])([A-Z])/g, (_, before: string, after: string) => `${before}, ${after.toLowerCase()}`);
}

/** Spans in which counts of single draws are added up, so that their shares mean something. */
const DRAWN_SPANS = 24;

/** Plans change smoothly; what was drawn is looked at in longer spans. */
function spansOf(name: string, { spans }: VectorCurve): readonly VectorSpan[] {
  return name.startsWith('planned') ? spans : coarser(spans, DRAWN_SPANS);
}

function shareFigure(title: string, spans: readonly VectorSpan[], history: RunHistory): Markup | null {
  const layers = layersOf(fromRarest(history));
  if (spans.every((span) => sharesOf(span, layers) === null)) return null;
  const chart = shareChart(
    spans,
    layers,
    toEpoch(history),
    epochRange(history),
    `${title}: share of each class over the run`,
  );
  return figure(title, [], chart);
}

/** Share of the tail classes over the run, planned and realised. */
function tailFigure(curves: ReadonlyMap<string, VectorCurve>, history: RunHistory): Markup | null {
  const classes = foregroundOf(history);
  const layers = layersOf(classes);
  const epochOf = toEpoch(history);
  const lines = [...curves].flatMap(([name, curve], index) => {
    const points = spansOf(name, curve).flatMap((span) => {
      const shares = sharesOf(span, layers);
      if (shares === null) return [];
      const y = shares.reduce((sum, share, position) => sum + (classes[position]!.tail ? share : 0), 0);
      return [{ x: epochOf((span.from + span.to + 1) / 2), y }];
    });
    const planned = name.startsWith('planned');
    const line = {
      name: readable(name),
      colour: lineColour(index),
      points,
      width: planned ? 2.4 : 1.4,
      dash: !planned,
    };
    return points.length === 0 ? [] : [line];
  });
  if (lines.length === 0 || !classes.some(({ tail }) => tail)) return null;
  const chart = lineChart({
    lines,
    xLabel: 'epoch',
    xDomain: epochRange(history),
    yDomain: [0, 1],
    description: 'share of the tail classes, planned and drawn',
    yFormat: (share) => `${Math.round(100 * share)}%`,
  });
  const uniform = percent(classes.filter(({ tail }) => tail).length / classes.length);
  return figure('share of the tail classes ◆', lines, chart, `All classes alike would be ${uniform}.`);
}

/** A number that is no class's, over the run. */
function numberFigure(name: string, curve: VectorCurve, history: RunHistory): Markup | null {
  const epochOf = toEpoch(history);
  const sides = curve.spans[0]?.sum.length ?? 0;
  const lines = Array.from({ length: sides }, (_, index) => ({
    name: sides === 1 ? name : `${name} ${index + 1}`,
    colour: lineColour(index),
    points: curve.spans.map(({ from, to, count, sum }) => ({
      x: epochOf((from + to + 1) / 2),
      y: sum[index]! / count,
    })),
  }));
  if (lines.length === 0 || curve.spans.length < 2) return null;
  const chart = lineChart({
    lines,
    xLabel: 'epoch',
    xDomain: epochRange(history),
    description: `${name} over the run`,
  });
  return figure(name, sides === 1 ? [] : lines, chart);
}

/** What parts report: shares of classes where there is a number for each, else lines. */
function reportCharts(history: RunHistory): readonly Content[] {
  const classCount = history.record?.dataset.classes.length ?? 0;
  return [...history.reports].map(([owner, curves]) => {
    const ofClasses = new Map([...curves].filter(([, { total }]) => total?.length === classCount));
    const shares = [...ofClasses].map(([name, curve]) => shareFigure(readable(name), spansOf(name, curve), history));
    const others = [...curves].filter(([name]) => !ofClasses.has(name));
    const numbers = others.map(([name, curve]) => numberFigure(readable(name), curve, history));
    const figures = [...shares, ...numbers].filter((one) => one !== null);
    if (figures.length === 0) return null;
    return html`<h3>${owner}</h3>${charts(...figures, tailFigure(ofClasses, history))}`;
  });
}

/** Voxels that the students were taught with, class by class, against the labels they come from. */
function ledger(history: RunHistory): Content {
  const { truth, pseudo } = history.targets;
  const [truthTotal, pseudoTotal] = [truth.total, pseudo.total];
  if (truthTotal === null || pseudoTotal === null) return null;
  const classes = [...fromRarest(history)].reverse();
  const shares = labelledShares(history);
  const foreground = (totals: readonly number[]) => totals.slice(1).reduce((sum, count) => sum + count, 0);
  const [truthSum, pseudoSum] = [foreground(truthTotal), foreground(pseudoTotal)];
  const share = (count: number | undefined, sum: number) => (sum === 0 ? Number.NaN : (count ?? 0) / sum);
  const rows = classes.map((info): Row => {
    const seen = share(truthTotal[info.index], truthSum);
    const guessed = share(pseudoTotal[info.index], pseudoSum);
    const dots = [
      { value: shares[info.index] ?? 0, colour: 'var(--ink-2)', shape: 'bar' as const, title: 'labelled cases' },
      { value: seen, colour: lineColour(0), shape: 'disc' as const, title: 'ground truth seen' },
      { value: guessed, colour: lineColour(1), shape: 'ring' as const, title: 'pseudo-labels seen' },
    ].filter(({ value }) => value > 0);
    return { name: info.name, tail: info.tail, dots };
  });
  const chart = rowsChart({
    rows,
    xLabel: 'share of the foreground (log)',
    description: 'share of each class in the targets',
    log: true,
    xFormat: percent,
  });
  const legend = [
    { name: 'labelled cases', colour: 'var(--ink-2)' },
    { name: 'ground truth seen', colour: lineColour(0) },
    ...(pseudoSum > 0 ? [{ name: 'pseudo-labels seen', colour: lineColour(1) }] : []),
  ];
  const head = ['class', 'labelled', 'truth, voxels', 'share', 'pseudo, voxels', 'share'].map(
    (one) => html`<th>${one}</th>`,
  );
  const lines = classes.map(
    (info) =>
      html`<tr${info.tail && html` class="tail"`}><th scope="row">${classChip(info)}</th><td>${percent(shares[info.index] ?? 0)}</td><td>${counted(truthTotal[info.index] ?? 0)}</td><td>${percent(share(truthTotal[info.index], truthSum))}</td><td>${counted(pseudoTotal[info.index] ?? 0)}</td><td>${percent(share(pseudoTotal[info.index], pseudoSum))}</td></tr>`,
  );
  return html`<h3>What the students saw</h3>${charts(
    figure('share of the targets over the whole run', legend, chart),
    shareFigure('ground truth seen', truth.spans, history),
    shareFigure('pseudo-labels seen', pseudo.spans, history),
  )}<details><summary>Voxels seen as target by class</summary>${table(head, lines)}</details>`;
}

/** Weights that weighters gave to the classes, by student. */
function weightCharts(history: RunHistory): Content {
  const figures = [...history.classWeights].flatMap(([student, { spans }]) => {
    if (spans.length === 0) return [];
    const epochOf = toEpoch(history);
    const lines = foregroundOf(history).map((info) => ({
      name: info.name,
      colour: colourOf(info),
      points: spans.map(({ from, to, count, sum }) => ({
        x: epochOf((from + to) / 2),
        y: (sum[info.index] ?? Number.NaN) / count,
      })),
    }));
    const description = `weight of each class for ${student}`;
    const chart = lineChart({ lines, xLabel: 'epoch', xDomain: epochRange(history), description });
    return [figure(`student ${student}`, [], chart)];
  });
  return figures.length > 0 && html`<h3>Class weights</h3>${charts(...figures)}`;
}

/** What the mixers planned and drew, and what the students saw of each class in the end. */
export function curriculumSection(history: RunHistory): Section | null {
  if (history.steps === 0) return null;
  const classes = fromRarest(history);
  if (classes.length === 0) return null;
  const legend = html`<p class="legend">${[...classes].reverse().map(classChip)}</p>`;
  return section(
    'curriculum',
    'Classes over the run',
    legend,
    reportCharts(history),
    weightCharts(history),
    ledger(history),
  );
}
