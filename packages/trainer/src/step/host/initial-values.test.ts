import type { Initializer, ParameterSpec } from '@dinomix/core';
import { describe, expect, it } from 'vitest';
import { initialValues } from './initial-values.js';

function values(initializer: Initializer, name = 'a', owner = 'student:net', seed = 1): Float32Array {
  const spec: ParameterSpec = { name, shape: [20, 10, 50], initializer, trainable: true, decay: true };
  return initialValues(spec, owner, seed);
}

describe('initial values', () => {
  it.each<[Initializer, number]>([
    [{ kind: 'kaiming-normal', fanIn: 27, slope: 0 }, Math.sqrt(2 / 27)],
    [{ kind: 'kaiming-normal', fanIn: 27, slope: 1 }, Math.sqrt(1 / 27)],
    [{ kind: 'xavier-normal', fanIn: 30, fanOut: 50 }, Math.sqrt(2 / 80)],
    [{ kind: 'uniform', bound: 0.3 }, 0.3 / Math.sqrt(3)],
  ])('%o have mean 0 and deviation %d', (initializer, deviation) => {
    const data = values(initializer);
    const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
    const found = Math.sqrt(data.reduce((sum, value) => sum + value ** 2, 0) / data.length);
    // 10000 draws: the mean is within 5 standard errors, the deviation within 5 / sqrt(2 · 10000).
    expect(Math.abs(mean)).toBeLessThan((5 * deviation) / 100);
    expect(Math.abs(found / deviation - 1)).toBeLessThan(0.036);
  });

  it('depend on seed, owner and name alone', () => {
    const given: Initializer = { kind: 'uniform', bound: 1 };
    expect(values(given)).toEqual(values(given));
    for (const other of [values(given, 'b'), values(given, 'a', 'teacher:ema'), values(given, 'a', 'student:net', 2)]) {
      expect(other).not.toEqual(values(given));
    }
    expect(new Set(values({ kind: 'constant', value: 0.5 }))).toEqual(new Set([0.5]));
  });
});
