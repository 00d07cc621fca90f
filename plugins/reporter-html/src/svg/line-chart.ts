import type { Point, Span } from '../history/curve.js';
import { short } from '../markup/format.js';
import { html, type Markup } from '../markup/html.js';
import { frame, PLOT, place } from './frame.js';
import { linearScale, logScale, type Scale } from './scale.js';

/** One line of a chart. */
export interface Line {
  readonly name: string;
  /** CSS colour made here, never text of others. */
  readonly colour: string;
  readonly points: readonly Point[];
  /** Smallest and largest value around the line. */
  readonly band?: readonly Span[];
  readonly width?: number;
  readonly dash?: boolean;
}

/** What a line chart shows. */
export interface LineChart {
  readonly lines: readonly Line[];
  readonly xLabel: string;
  readonly yLabel?: string;
  readonly description: string;
  /** Fixed range of the y axis; taken from the lines where left out. */
  readonly yDomain?: readonly [number, number];
  /** Logarithmic y axis; values up to 0 are left out. */
  readonly log?: boolean;
  /** Fixed range of the x axis. */
  readonly xDomain?: readonly [number, number];
  readonly yFormat?: (value: number) => string;
}

/** Points up to which each one is marked and shows its value under the pointer. */
const MARKED = 60;

function rangeOf(values: readonly number[]): readonly [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low > high ? [0, 1] : [low, high];
}

/** The y axis: of the points, and of the band but for its highest twentieth, so that one outlier does not flatten the rest. */
function yScaleOf({ lines, yDomain, log = false }: LineChart): Scale {
  const { top, bottom } = PLOT;
  if (yDomain !== undefined) return linearScale(yDomain, [bottom, top]);
  const values = lines.flatMap(({ points, band = [] }) => [
    ...points.map(({ y }) => y),
    ...band.flatMap(({ min, max }) => [min.y, max.y]),
  ]);
  if (log) return logScale(rangeOf(values.filter((value) => value > 0)), [bottom, top]);
  const [low, high] = rangeOf(values);
  // A curve that never moves, or moves by much, is shown from 0.
  return linearScale([low > 0 && (low === high || low < 0.5 * high) ? 0 : low, high], [bottom, top], { nice: true });
}

function pathOf(points: readonly Point[], x: Scale, y: Scale): string {
  let path = '';
  let previous = '';
  for (const point of points) {
    const at = `${place(x.map(point.x))} ${place(y.map(point.y))}`;
    if (at !== previous) path += `${path === '' ? 'M' : 'L'}${at}`;
    previous = at;
  }
  return path;
}

function bandOf(band: readonly Span[], x: Scale, y: Scale): string {
  const upper = band.map(({ from, to, max }) => ({ x: (from + to) / 2, y: max.y }));
  const lower = band.map(({ from, to, min }) => ({ x: (from + to) / 2, y: min.y })).reverse();
  return `${pathOf([...upper, ...lower], x, y)}Z`;
}

function lineMarks({ name, colour, points, band = [], width = 1.8, dash = false }: Line, x: Scale, y: Scale): Markup {
  const wide = band.some(({ min, max }) => min.y < max.y);
  const dots = points.length <= MARKED || points.length === 1;
  return html`<g style="color:${colour}">${
    wide && html`<path class="band" d="${bandOf(band, x, y)}"/>`
  }<path class="line" stroke-width="${width}"${dash && html` stroke-dasharray="5 3"`} d="${pathOf(points, x, y)}"><title>${name}</title></path>${
    dots &&
    points.map(
      (point) =>
        html`<circle cx="${place(x.map(point.x))}" cy="${place(y.map(point.y))}" r="2.2"><title>${name}, ${short(point.x)}: ${short(point.y)}</title></circle>`,
    )
  }</g>`;
}

/** Lines over the course of a run. */
export function lineChart(chart: LineChart): Markup {
  const { lines, xLabel, yLabel, description, log = false, yFormat } = chart;
  const xs = lines.flatMap(({ points }) => points.map((point) => point.x));
  const x = linearScale(chart.xDomain ?? rangeOf(xs), [PLOT.left, PLOT.right], { count: 6 });
  const y = yScaleOf(chart);
  const visible = (point: Point) => !log || point.y > 0;
  const marks = lines.map((line) => lineMarks({ ...line, points: line.points.filter(visible) }, x, y));
  return frame(
    { x, y, xLabel, description, ...(yLabel !== undefined && { yLabel }), ...(yFormat !== undefined && { yFormat }) },
    marks,
  );
}
