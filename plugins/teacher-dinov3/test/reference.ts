import { readFileSync } from 'node:fs';
import type { ControlSize } from '../src/control/control.js';

/** Numbers of make-fixtures.py. */
export const REFERENCE = JSON.parse(readFileSync(new URL('./fixtures/reference.json', import.meta.url), 'utf8')) as {
  readonly size: ControlSize;
  readonly answers: readonly {
    readonly shape: readonly [number, number, number, number];
    readonly dims: readonly number[];
    readonly tokens: readonly number[];
    readonly pooled: readonly number[];
  }[];
  readonly slices: Readonly<Record<'repeat' | 'neighbours', readonly number[]>>;
};

/** Value i is sin(0.37 i) + 0.5 sin(0.011 i), as in make-fixtures.py. */
export function wave(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => Math.sin(0.37 * i) + 0.5 * Math.sin(0.011 * i));
}

/** Largest absolute difference. */
export function largestDifference(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (found.length !== expected.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let index = 0; index < expected.length; index++) {
    largest = Math.max(largest, Math.abs(found[index]! - expected[index]!));
  }
  return largest;
}
