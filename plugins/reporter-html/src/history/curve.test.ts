import { describe, expect, it } from 'vitest';
import { Curve } from './curve.js';
import { coarser, VectorCurve } from './vector-curve.js';

/** A long curve with one very low and one very high value. */
function spiky(length: number): readonly number[] {
  return Array.from({ length }, (_, index) => {
    if (index === 1234) return -50;
    return index === 60_001 ? 75 : Math.sin(index / 500);
  });
}

describe('Curve', () => {
  it('keeps every value while it is short', () => {
    const curve = new Curve();
    for (const y of [3, 1, 2]) curve.add(y * 10, y);
    expect(curve.points).toEqual([
      { x: 30, y: 3 },
      { x: 10, y: 1 },
      { x: 20, y: 2 },
    ]);
    expect(curve.last).toEqual({ x: 20, y: 2 });
  });

  it('keeps extremes, their places, and the mean of a long curve in bounded memory', () => {
    const values = spiky(100_000);
    const curve = new Curve(200);
    values.forEach((y, x) => {
      curve.add(x, y);
    });
    const { spans, points } = curve;
    expect(spans.length).toBeLessThanOrEqual(200);
    expect(points.length).toBeLessThanOrEqual(400);
    expect(points).toContainEqual({ x: 1234, y: -50 });
    expect(points).toContainEqual({ x: 60_001, y: 75 });
    expect(points.map(({ x }) => x)).toEqual([...points].map(({ x }) => x).sort((a, b) => a - b));
    for (const { from, to, mean, min, max } of spans) {
      const own = values.slice(from, to + 1);
      expect(min.y).toBe(Math.min(...own));
      expect(max.y).toBe(Math.max(...own));
      expect(mean).toBeCloseTo(own.reduce((sum, value) => sum + value, 0) / own.length, 9);
    }
    expect(spans[0]!.from).toBe(0);
    expect(spans.at(-1)!.to).toBe(99_999);
  });

  it('leaves out what is no number', () => {
    const curve = new Curve();
    for (const y of [1, Number.NaN, Number.POSITIVE_INFINITY, 2]) curve.add(y, y);
    expect(curve.points.map(({ y }) => y)).toEqual([1, 2]);
  });

  it('forgets what a resumed run makes again', () => {
    const curve = new Curve();
    for (let x = 0; x < 10; x++) curve.add(x, x);
    curve.rewind(6);
    curve.add(6, 60);
    expect(curve.points.map(({ y }) => y)).toEqual([0, 1, 2, 3, 4, 5, 60]);
  });
});

describe('VectorCurve', () => {
  it('adds exactly however long it gets', () => {
    const curve = new VectorCurve(10);
    for (let x = 0; x < 1000; x++) curve.add(x, [x, 1]);
    expect(curve.spans.length).toBeLessThanOrEqual(10);
    expect(curve.total).toEqual([499_500, 1000]);
    expect(curve.spans.reduce((sum, { count }) => sum + count, 0)).toBe(1000);
  });

  it('is looked at in few spans of equal length', () => {
    const spans = Array.from({ length: 7 }, (_, x) => ({ from: x, to: x, count: 1, sum: [x] }));
    expect(coarser(spans, 3)).toEqual([
      { from: 0, to: 2, count: 3, sum: [3] },
      { from: 3, to: 5, count: 3, sum: [12] },
      { from: 6, to: 6, count: 1, sum: [6] },
    ]);
    expect(coarser([], 3)).toEqual([]);
  });
});
