// FKD of method.md §1.4.4 by loops over numbers in double precision, written from its formulas.
import type { FkdOptions } from '../src/options.js';

type Row = readonly number[];

const dot = (a: Row, b: Row): number => a.reduce((sum, value, index) => sum + value * b[index]!, 0);
const average = (values: Row): number => values.reduce((a, b) => a + b, 0) / values.length;
const cosine = (a: Row, b: Row): number => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
const columns = (rows: readonly Row[]): readonly Row[] => rows[0]!.map((_, index) => rows.map((row) => row[index]!));
const centred = (row: Row): Row => row.map((value) => value - average(row));

/** Rows of `size` numbers. */
export function rowsOf(values: ArrayLike<number>, size: number): readonly Row[] {
  return Array.from({ length: values.length / size }, (_, row) =>
    Array.from({ length: size }, (_unused, column) => values[row * size + column]!),
  );
}

/** Rows [n, from] times a filter [from, to], plus a bias [to]. */
function convolve(rows: readonly Row[], filter: ArrayLike<number>, bias: ArrayLike<number>): readonly Row[] {
  const outputs = columns(rowsOf(filter, bias.length));
  return rows.map((row) => outputs.map((weights, index) => dot(row, weights) + bias[index]!));
}

/** (x - mean) / √(variance + 1e-5) over all rows, times scale plus offset, and ReLU: PyTorch's BatchNorm3d in training. */
function normaliseBatch(rows: readonly Row[], scale: ArrayLike<number>, offset: ArrayLike<number>): readonly Row[] {
  const statistics = columns(rows).map(
    (values) => [average(values), average(centred(values).map((x) => x * x))] as const,
  );
  return rows.map((row) =>
    row.map((value, index) => {
      const [mean, variance] = statistics[index]!;
      return Math.max(0, ((value - mean) / Math.sqrt(variance + 1e-5)) * scale[index]! + offset[index]!);
    }),
  );
}

/** Weights by name. */
export type Weights = Readonly<Record<string, ArrayLike<number>>>;

function project(rows: readonly Row[], w: Weights, { distance, head }: FkdOptions): readonly Row[] {
  if (distance === 'relation') return rows;
  if (head === 'linear') return convolve(rows, w['projection.filter']!, w['projection.bias']!);
  const hidden = convolve(rows, w['projection.0.filter']!, w['projection.0.bias']!);
  const active = normaliseBatch(hidden, w['projection.0.scale']!, w['projection.0.offset']!);
  return convolve(active, w['projection.1.filter']!, w['projection.1.bias']!);
}

/** w_i = u_i^γ / mean(u^γ), u_i = 1 - mean_j cos(t_i, t_j) over the crop. */
function uniqueness(tokens: readonly Row[], perCrop: number, exponent: number): Row {
  const raw = tokens.map((token, index) => {
    const first = index - (index % perCrop);
    return (1 - average(tokens.slice(first, first + perCrop).map((other) => cosine(token, other)))) ** exponent;
  });
  return raw.map((value) => value / average(raw));
}

/** The summand of one position. @param s - projected features and @param t - tokens of all positions of its slice. */
function distanceAt(index: number, s: readonly Row[], t: readonly Row[], distance: FkdOptions['distance']): number {
  const [row, token] = [s[index]!, t[index]!];
  switch (distance) {
    case 'normalised-mse':
      return 2 - 2 * cosine(row, token);
    case 'cosine':
      return 1 - cosine(row, token);
    case 'layernorm-mse':
      return 2 - 2 * cosine(centred(row), centred(token));
    case 'relation':
      return average(s.map((_, other) => (cosine(row, s[other]!) - cosine(token, t[other]!)) ** 2));
  }
}

/**
 * @param feature - `[b, d, h, w, from]`.
 * @param tokens - `[b, d, h, w, to]`.
 * @param places - positions of a crop, and of a slice.
 */
export function referenceFkd(
  feature: readonly Row[],
  tokens: readonly Row[],
  weights: Weights,
  options: FkdOptions,
  places: { readonly crop: number; readonly slice: number },
): number {
  const projected = project(feature, weights, options);
  const each = projected.map((_, index) => {
    const first = index - (index % places.slice);
    const slice = (rows: readonly Row[]): readonly Row[] => rows.slice(first, first + places.slice);
    return distanceAt(index - first, slice(projected), slice(tokens), options.distance);
  });
  if (options.uniqueness === 0) return average(each);
  const w = uniqueness(tokens, places.crop, options.uniqueness);
  return average(each.map((value, index) => w[index]! * value));
}
