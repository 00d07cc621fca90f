import { readFileSync } from 'node:fs';
import { type Tensor, tensor } from '@tensorflow/tfjs-core';
import { expect } from 'vitest';

/** An array written by make-numbers.py. */
export interface StoredArray {
  readonly shape: number[];
  readonly data: number[];
}

/** Reads the cases of one file of numbers. */
export function readNumbers<C>(name: string): C[] {
  const text = readFileSync(new URL(`./numbers/${name}.jsonl`, import.meta.url), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as C);
}

export function toTensor(stored: StoredArray, dtype: 'float32' | 'int32' = 'float32'): Tensor {
  return tensor(stored.data, stored.shape, dtype);
}

/** Compares a tensor with stored numbers: the same shape, and the largest difference at most `tolerance`. */
export function expectNumbers(actual: Tensor, stored: StoredArray, tolerance: number, what = 'value'): void {
  expect(actual.shape, `shape of ${what}`).toEqual(stored.shape);
  const data = actual.dataSync();
  const worst = stored.data.reduce((largest, value, index) => Math.max(largest, Math.abs(value - data[index]!)), 0);
  expect(worst, `largest difference of ${what}`).toBeLessThanOrEqual(tolerance);
}
