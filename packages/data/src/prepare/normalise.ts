import type { NormalisationStep } from '@dinomix/core';
import type { VoxelArray } from '@dinomix/volume';

function clip(data: Float32Array, low: number, high: number): void {
  for (let index = 0; index < data.length; index++) {
    data[index] = Math.min(Math.max(data[index]!, low), high);
  }
}

/** Value at `percent` (0..100) of sorted data, linear between neighbours as `numpy.percentile`. */
function percentile(sorted: Float32Array, percent: number): number {
  const position = (percent / 100) * (sorted.length - 1);
  const below = Math.floor(position);
  const lower = sorted[below]!;
  const upper = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return lower + (upper - lower) * (position - below);
}

/** The lowest and the highest of some intensities. */
export function extremes(data: VoxelArray): readonly [low: number, high: number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  // By index: the iterator of a typed array over shared memory takes several times longer.
  for (let index = 0; index < data.length; index++) {
    const value = data[index]!;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

/** Mean and standard deviation (ddof 0) in double precision. */
function moments(data: Float32Array): readonly [mean: number, deviation: number] {
  let sum = 0;
  for (const value of data) sum += value;
  const mean = sum / data.length;
  let squares = 0;
  for (const value of data) squares += (value - mean) ** 2;
  return [mean, Math.sqrt(squares / data.length)];
}

function affine(data: Float32Array, subtract: number, divide: number): void {
  for (let index = 0; index < data.length; index++) data[index] = (data[index]! - subtract) / divide;
}

function apply(data: Float32Array, step: NormalisationStep): void {
  switch (step.kind) {
    case 'clip':
      clip(data, step.low, step.high);
      break;
    case 'clip-percentiles': {
      const sorted = data.slice().sort();
      clip(data, percentile(sorted, step.low), percentile(sorted, step.high));
      break;
    }
    case 'min-max': {
      const [low, high] = extremes(data);
      affine(data, low, high > low ? high - low : 1);
      break;
    }
    case 'z-score': {
      const [mean, deviation] = moments(data);
      affine(data, mean, deviation > 0 ? deviation : 1);
      break;
    }
    case 'affine':
      affine(data, step.subtract, step.divide);
      break;
  }
}

/** Applies the steps to the intensities of a whole volume, in place and in order. */
export function normalise(data: Float32Array, steps: readonly NormalisationStep[]): void {
  for (const step of steps) apply(data, step);
}
