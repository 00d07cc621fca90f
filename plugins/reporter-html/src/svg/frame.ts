import { short } from '../markup/format.js';
import { type Content, html, type Markup } from '../markup/html.js';
import type { Scale } from './scale.js';

/** Size of every chart in its own units; the page scales it. */
export const SIZE = { width: 420, height: 236 } as const;

/** Room around the marks. */
export const PLOT = { left: 46, right: SIZE.width - 10, top: 8, bottom: SIZE.height - 34 } as const;

/** A place with a tenth of a unit, as text. */
export const place = (value: number): string => String(Math.round(value * 10) / 10);

/** What a frame is drawn from. */
export interface FrameOptions {
  readonly x: Scale;
  readonly y: Scale;
  readonly xLabel: string;
  readonly yLabel?: string;
  /** What the picture shows, for readers that do not see it. */
  readonly description: string;
  readonly yFormat?: (value: number) => string;
  readonly xFormat?: (value: number) => string;
}

/** Axes, grid and marks of one chart. */
export function frame(options: FrameOptions, marks: Content): Markup {
  const { x, y, xLabel, yLabel = '', description, yFormat = short, xFormat = short } = options;
  const { left, right, top, bottom } = PLOT;
  const rows = y.ticks.map((tick) => {
    const at = place(y.map(tick));
    return html`<path class="grid" d="M${left} ${at}H${right}"/><text x="${left - 6}" y="${at}" class="tick end">${yFormat(tick)}</text>`;
  });
  const columns = x.ticks.map(
    (tick) => html`<text x="${place(x.map(tick))}" y="${bottom + 15}" class="tick mid">${xFormat(tick)}</text>`,
  );
  return html`<svg viewBox="0 0 ${SIZE.width} ${SIZE.height}" role="img" aria-label="${description}">${rows}<path class="axis" d="M${left} ${bottom}H${right}"/>${columns}<text x="${(left + right) / 2}" y="${SIZE.height - 4}" class="label mid">${xLabel}</text>${
    yLabel !== '' &&
    html`<text x="12" y="${(top + bottom) / 2}" class="label mid" transform="rotate(-90 12 ${(top + bottom) / 2})">${yLabel}</text>`
  }${marks}</svg>`;
}

/** A chart with its title and what its colours mean. */
export function figure(title: Content, legend: readonly LegendEntry[], chart: Markup, note: Content = null): Markup {
  const entries = legend.map(
    ({ name, colour, dash }) =>
      html`<span class="key"><i style="--key:${colour}"${dash === true && html` class="dash"`}></i>${name}</span>`,
  );
  return html`<figure><figcaption>${title}</figcaption>${entries.length > 0 && html`<div class="keys">${entries}</div>`}${chart}${note !== null && html`<p class="note">${note}</p>`}</figure>`;
}

/** One colour and its meaning. */
export interface LegendEntry {
  readonly name: Content;
  /** CSS colour made here. */
  readonly colour: string;
  readonly dash?: boolean;
}
