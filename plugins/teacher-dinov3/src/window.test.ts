import { describe, expect, it } from 'vitest';
import { normalisedWindow } from './window.js';

const display = [0, 1] as const;

describe('an intensity window in HU', () => {
  it('goes through clip and min-max as the volume does', () => {
    // (x + 75) / 350: method.md §2.1.
    const steps = [{ kind: 'clip', low: -75, high: 275 }, { kind: 'min-max' }] as const;
    expect(normalisedWindow([-75, 275], { steps, display })).toEqual([0, 1]);
    const [black, white] = normalisedWindow([-160, 240], { steps, display });
    expect(black).toBeCloseTo(-85 / 350, 12);
    expect(white).toBeCloseTo(0.9, 12);
  });

  it('goes through affine steps, also behind others', () => {
    const steps = [
      { kind: 'clip', low: -1000, high: 1000 },
      { kind: 'affine', subtract: 100, divide: 50 },
      { kind: 'min-max' },
    ] as const;
    expect(normalisedWindow([0, 1000], { steps: steps.slice(0, 2), display })).toEqual([-2, 18]);
    expect(normalisedWindow([-1000, 0], { steps, display })).toEqual([0, 0.5]);
    expect(normalisedWindow([-100, 300], { steps: [], display })).toEqual([-100, 300]);
  });

  it.each(['z-score', 'min-max', 'clip-percentiles'] as const)('is refused where %s depends on the volume', (kind) => {
    const step = kind === 'clip-percentiles' ? { kind, low: 1, high: 99 } : { kind };
    expect(() => normalisedWindow([0, 1], { steps: [step], display })).toThrow(`has the step "${kind}"`);
  });
});
