import { html, type Markup } from '../markup/html.js';
import { frame, PLOT, place } from './frame.js';
import { linearScale, logScale } from './scale.js';

/** A class in the picture. */
export interface Spot {
  readonly name: string;
  readonly x: number;
  readonly y: number;
  /** Smallest and largest y, e.g. over cases. */
  readonly range: readonly [number, number] | null;
  /** CSS colour made here. */
  readonly colour: string;
  readonly tail: boolean;
  readonly title: string;
}

/** Places for names so that they do not cover each other: from left to right, moved up or down where needed. */
function labelHeights(
  spots: readonly { readonly x: number; readonly y: number; readonly name: string }[],
): readonly number[] {
  const placed: { left: number; right: number; y: number }[] = [];
  return spots.map(({ x, y, name }) => {
    const [left, right] = [x + 7, x + 7 + name.length * 5.4];
    const isFree = (at: number) =>
      placed.every((other) => other.right < left || other.left > right || Math.abs(other.y - at) > 9.5);
    const tries = [0, -10, 10, -20, 20, -30, 30, -40, 40, -50, 50].map((shift) => y + shift);
    const free = tries.find((at) => at > PLOT.top + 4 && at < PLOT.bottom - 4 && isFree(at)) ?? y;
    placed.push({ left, right, y: free });
    return free;
  });
}

/** Frequency of classes on a logarithmic axis against a share, e.g. Dice. */
export function scatterChart(spots: readonly Spot[], xLabel: string, yLabel: string, description: string): Markup {
  const xs = spots.map(({ x }) => x);
  const x = logScale([Math.min(...xs), Math.max(...xs)], [PLOT.left + 4, PLOT.right]);
  const y = linearScale([0, 1], [PLOT.bottom, PLOT.top]);
  const places = spots.map((spot) => ({ spot, x: x.map(spot.x), y: y.map(spot.y), name: spot.name }));
  places.sort((a, b) => a.x - b.x);
  const heights = labelHeights(places);
  const marks = places.map(({ spot, x: left, y: top }, index) => {
    const { name, range, colour, tail, title } = spot;
    const line =
      range !== null &&
      html`<path class="range" d="M${place(left)} ${place(y.map(range[0]))}V${place(y.map(range[1]))}"/>`;
    const shape = tail
      ? html`<path class="dot" d="M${place(left)} ${place(top)}m0-5.5l5.5 5.5l-5.5 5.5l-5.5-5.5z"><title>${title}</title></path>`
      : html`<circle class="dot" cx="${place(left)}" cy="${place(top)}" r="4.5"><title>${title}</title></circle>`;
    // A name that would leave the picture stands on the other side of its mark.
    const outside = left + 7 + name.length * 5.4 > PLOT.right + 8;
    const text = outside
      ? html`<text class="spot end" x="${place(left - 8)}" y="${place(heights[index]!)}">${name}</text>`
      : html`<text class="spot" x="${place(left + 8)}" y="${place(heights[index]!)}">${name}</text>`;
    return html`<g style="color:${colour}">${line}${shape}</g>${text}`;
  });
  const percentage = (value: number) => `${Number((100 * value).toPrecision(2))}%`;
  return frame({ x, y, xLabel, yLabel, description, xFormat: percentage }, marks);
}
