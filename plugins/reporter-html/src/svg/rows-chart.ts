import { short } from '../markup/format.js';
import { type Content, html, type Markup } from '../markup/html.js';
import { place } from './frame.js';
import { linearScale, logScale } from './scale.js';

/** A value in a row. */
export interface RowDot {
  readonly value: number;
  /** CSS colour made here. */
  readonly colour: string;
  readonly shape: 'disc' | 'ring' | 'diamond' | 'bar';
  readonly title: string;
  /** Moved down from the middle of the row by this much, so that equal values do not hide each other. */
  readonly shift?: number;
}

/** One row: a name and values on a common axis. */
export interface Row {
  readonly name: string;
  readonly tail: boolean;
  readonly dots: readonly RowDot[];
  /** Ends of a thin line behind the values. */
  readonly range?: readonly [number, number];
}

/** What a rows chart shows. */
export interface RowsChart {
  readonly rows: readonly Row[];
  readonly xLabel: string;
  readonly description: string;
  readonly xDomain?: readonly [number, number];
  readonly log?: boolean;
  readonly xFormat?: (value: number) => string;
}

const [WIDTH, NAMES, RIGHT, ROW, TOP] = [420, 148, 406, 19, 6];

function mark({ value, colour, shape, title }: RowDot, x: number, y: number): Markup {
  const at = `${place(x)} ${place(y)}`;
  const tip = html`<title>${title}: ${short(value)}</title>`;
  const style = html`style="color:${colour}"`;
  if (shape === 'diamond')
    return html`<path ${style} class="dot" d="M${at}m0-5.5l5.5 5.5l-5.5 5.5l-5.5-5.5z">${tip}</path>`;
  if (shape === 'bar') return html`<path ${style} class="bar" d="M${at}m0-5v10">${tip}</path>`;
  return html`<circle ${style} class="${shape === 'ring' ? 'ring' : 'dot'}" cx="${place(x)}" cy="${place(y)}" r="4.5">${tip}</circle>`;
}

/** Names cut to what fits beside the rows. */
function fitted(name: string): string {
  return name.length > 24 ? `${name.slice(0, 23)}…` : name;
}

/** Values of several rows, e.g. of classes, on one axis. */
export function rowsChart(chart: RowsChart): Markup {
  const { rows, xLabel, description, log = false, xFormat = short } = chart;
  const bottom = TOP + rows.length * ROW;
  const values = rows.flatMap(({ dots, range = [] }) => [...dots.map(({ value }) => value), ...range]);
  const seen = values.filter((value) => Number.isFinite(value) && (!log || value > 0));
  const domain = chart.xDomain ?? (seen.length === 0 ? [log ? 0.1 : 0, 1] : [Math.min(...seen), Math.max(...seen)]);
  const x = log
    ? logScale(domain as [number, number], [NAMES, RIGHT])
    : linearScale(domain as [number, number], [NAMES, RIGHT]);
  const grid = x.ticks.map(
    (tick) =>
      html`<path class="grid" d="M${place(x.map(tick))} ${TOP}V${bottom}"/><text x="${place(x.map(tick))}" y="${bottom + 14}" class="tick mid">${xFormat(tick)}</text>`,
  );
  const lines: Content = rows.map(({ name, tail, dots, range }, index) => {
    const y = TOP + (index + 0.5) * ROW;
    const line =
      range !== undefined && html`<path class="range" d="M${place(x.map(range[0]))} ${y}H${place(x.map(range[1]))}"/>`;
    const marks = dots
      .filter(({ value }) => Number.isFinite(value))
      .map((dot) => mark(dot, x.map(dot.value), y + (dot.shift ?? 0)));
    return html`<text x="${NAMES - 8}" y="${y}" class="name end${tail && html` tail`}"><title>${name}</title>${tail && '◆ '}${fitted(name)}</text>${line}${marks}`;
  });
  return html`<svg viewBox="0 0 ${WIDTH} ${bottom + 36}" role="img" aria-label="${description}">${grid}${lines}<text x="${(NAMES + RIGHT) / 2}" y="${bottom + 30}" class="label mid">${xLabel}</text></svg>`;
}
