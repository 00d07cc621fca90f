import type { VectorSpan } from '../history/vector-curve.js';
import { percent } from '../markup/format.js';
import { html, type Markup } from '../markup/html.js';
import { frame, PLOT, place } from './frame.js';
import { linearScale } from './scale.js';

/** One layer of a {@link shareChart}. */
export interface Layer {
  readonly index: number;
  readonly name: string;
  /** CSS colour made here. */
  readonly colour: string;
}

/** Shares of the layers in one span, each in [0, 1]; null where all are 0. */
export function sharesOf(span: VectorSpan, layers: readonly Layer[]): readonly number[] | null {
  const values = layers.map(({ index }) => Math.max(0, span.sum[index] ?? 0));
  const total = values.reduce((sum, value) => sum + value, 0);
  return total === 0 ? null : values.map((value) => value / total);
}

/** Shares of classes over the run, one on top of the other; the first layer is at the bottom. */
export function shareChart(
  spans: readonly VectorSpan[],
  layers: readonly Layer[],
  toEpoch: (step: number) => number,
  xDomain: readonly [number, number],
  description: string,
): Markup {
  const columns = spans.flatMap((span) => {
    const shares = sharesOf(span, layers);
    return shares === null ? [] : [{ from: toEpoch(span.from), to: toEpoch(span.to + 1), shares }];
  });
  const x = linearScale(xDomain, [PLOT.left, PLOT.right], { count: 6 });
  const y = linearScale([0, 1], [PLOT.bottom, PLOT.top]);
  const below = columns.map(() => 0);
  const marks = layers.map(({ name, colour }, layer) => {
    let upper = '';
    let lower = '';
    columns.forEach(({ from, to, shares }, column) => {
      const low = below[column]!;
      const high = low + shares[layer]!;
      below[column] = high;
      const [left, right] = [place(x.map(from)), place(x.map(to))];
      upper += `L${left} ${place(y.map(high))}L${right} ${place(y.map(high))}`;
      lower = `L${right} ${place(y.map(low))}L${left} ${place(y.map(low))}${lower}`;
    });
    if (upper === '') return null;
    const [first, last] = [columns[0]!.shares[layer]!, columns.at(-1)!.shares[layer]!];
    return html`<path class="layer" style="color:${colour}" d="M${upper.slice(1)}${lower}Z"><title>${name}: ${percent(first)} at the start, ${percent(last)} at the end</title></path>`;
  });
  const yFormat = (value: number) => `${Math.round(100 * value)}%`;
  return frame({ x, y, xLabel: 'epoch', description, yFormat }, marks);
}
