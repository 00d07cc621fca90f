import { halved } from './curve.js';

/** Neighbouring vectors as one. */
export interface VectorSpan {
  readonly from: number;
  readonly to: number;
  /** Vectors in it. */
  readonly count: number;
  /** Their sum. */
  readonly sum: readonly number[];
}

function joined(a: VectorSpan, b: VectorSpan): VectorSpan {
  return { from: a.from, to: b.to, count: a.count + b.count, sum: a.sum.map((value, index) => value + b.sum[index]!) };
}

/** Joins neighbours until at most `count` spans of about equal length are left. */
export function coarser(spans: readonly VectorSpan[], count: number): readonly VectorSpan[] {
  const size = Math.ceil(spans.length / count);
  const groups = Array.from({ length: Math.ceil(spans.length / size) || 0 }, (_, index) =>
    spans.slice(index * size, (index + 1) * size),
  );
  return groups.map((group) => group.reduce(joined));
}

/** Vectors of one length, e.g. a number for each class, over the run in bounded memory. Sums are exact. */
export class VectorCurve {
  readonly #capacity: number;
  #perSpan = 1;
  #spans: VectorSpan[] = [];

  constructor(capacity = 120) {
    this.#capacity = capacity;
  }

  /** Adds a vector behind all others; one of another length than the first is left out. */
  add(x: number, values: readonly number[]): void {
    const open = this.#spans.at(-1);
    if (values.length === 0 || (open !== undefined && open.sum.length !== values.length)) return;
    if (!values.every(Number.isFinite)) return;
    const own = { from: x, to: x, count: 1, sum: values };
    if (open !== undefined && open.count < this.#perSpan) {
      this.#spans[this.#spans.length - 1] = joined(open, own);
      return;
    }
    this.#spans.push(own);
    if (this.#spans.length <= this.#capacity) return;
    this.#spans = halved(this.#spans, joined);
    this.#perSpan *= 2;
  }

  /** Forgets what lies at `x` or behind; a span across `x` stays as it is. */
  rewind(x: number): void {
    while ((this.#spans.at(-1)?.from ?? Number.NEGATIVE_INFINITY) >= x) this.#spans.pop();
  }

  get spans(): readonly VectorSpan[] {
    return this.#spans;
  }

  /** Sum over the run; null without any vector. */
  get total(): readonly number[] | null {
    if (this.#spans.length === 0) return null;
    return this.#spans.reduce(joined).sum;
  }
}
