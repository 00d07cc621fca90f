/** A value and where it was. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Neighbouring values of a curve as one: their mean, and the smallest and the largest with their places. */
export interface Span {
  readonly from: number;
  readonly to: number;
  readonly mean: number;
  readonly min: Point;
  readonly max: Point;
}

interface Bucket {
  from: number;
  to: number;
  sum: number;
  count: number;
  min: Point;
  max: Point;
}

function joined(a: Bucket, b: Bucket): Bucket {
  return {
    from: a.from,
    to: b.to,
    sum: a.sum + b.sum,
    count: a.count + b.count,
    min: b.min.y < a.min.y ? b.min : a.min,
    max: b.max.y > a.max.y ? b.max : a.max,
  };
}

/** Joins neighbours two by two. */
export function halved<B>(buckets: readonly B[], join: (a: B, b: B) => B): B[] {
  const half: B[] = [];
  for (let index = 0; index < buckets.length; index += 2) {
    const [first, second] = [buckets[index]!, buckets[index + 1]];
    half.push(second === undefined ? first : join(first, second));
  }
  return half;
}

/**
 * A curve of any length in bounded memory: when more than `capacity` spans are held, neighbours are joined two by two. No
 * minimum or maximum is lost.
 */
export class Curve {
  readonly #capacity: number;
  #perBucket = 1;
  #buckets: Bucket[] = [];
  #last: Point | null = null;

  /** @param capacity - spans held at most, even. */
  constructor(capacity = 400) {
    this.#capacity = capacity;
  }

  /** Adds a value behind all others. Values that are not finite leave a gap. */
  add(x: number, y: number): void {
    if (!Number.isFinite(y)) return;
    const point = { x, y };
    this.#last = point;
    const own: Bucket = { from: x, to: x, sum: y, count: 1, min: point, max: point };
    const open = this.#buckets.at(-1);
    if (open !== undefined && open.count < this.#perBucket) {
      this.#buckets[this.#buckets.length - 1] = joined(open, own);
      return;
    }
    this.#buckets.push(own);
    if (this.#buckets.length <= this.#capacity) return;
    this.#buckets = halved(this.#buckets, joined);
    this.#perBucket *= 2;
  }

  /** Forgets what lies at `x` or behind; a span across `x` stays as it is. */
  rewind(x: number): void {
    while ((this.#buckets.at(-1)?.from ?? Number.NEGATIVE_INFINITY) >= x) this.#buckets.pop();
    const open = this.#buckets.at(-1);
    if (this.#last !== null && this.#last.x >= x) {
      this.#last = open === undefined ? null : { x: open.to, y: open.sum / open.count };
    }
  }

  /** The newest value. */
  get last(): Point | null {
    return this.#last;
  }

  get spans(): readonly Span[] {
    return this.#buckets.map(({ from, to, sum, count, min, max }) => ({ from, to, mean: sum / count, min, max }));
  }

  /** Every value while none were joined, then the smallest and the largest of each span, in order. */
  get points(): readonly Point[] {
    return this.#buckets.flatMap(({ count, min, max }) => {
      if (count === 1 || min === max) return [min];
      return min.x < max.x ? [min, max] : [max, min];
    });
  }
}
