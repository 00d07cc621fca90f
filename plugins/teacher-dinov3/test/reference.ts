import { readFileSync } from 'node:fs';
import type { VitSize } from '../src/control/vit.js';

/** Numbers of make-fixtures.py. */
export const REFERENCE = JSON.parse(readFileSync(new URL('./fixtures/reference.json', import.meta.url), 'utf8')) as {
  readonly size: VitSize;
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
export function largestDifference(found: ArrayLike<number>, expected: readonly number[]): number {
  if (found.length !== expected.length) return Number.POSITIVE_INFINITY;
  return Math.max(...expected.map((value, index) => Math.abs(found[index]! - value)));
}
