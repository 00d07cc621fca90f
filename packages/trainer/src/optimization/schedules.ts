import type { LossWeight, Schedule, StepPosition } from '@dinomix/core';

/** Options of {@link createPoly}. */
export interface PolyOptions {
  readonly power: number;
  /** What the rate is counted in. */
  readonly per: 'epoch' | 'step';
  /** Epochs or steps by which the decay comes late; 1 per epoch is the rule of DHC's code (method.md §2.6). */
  readonly lag: number;
}

/** Factor (1 - e / E)^power, e the epoch or step and E their number. */
export function createPoly(options: PolyOptions): Schedule {
  const { power, per, lag } = options;
  return {
    factor({ epoch, epochs, step, stepsPerEpoch }: StepPosition): number {
      const [at, end] = per === 'epoch' ? [epoch, epochs] : [step, epochs * stepsPerEpoch];
      return Math.max(0, 1 - Math.max(0, at - lag) / end) ** power;
    },
  };
}

/** Factor 1. */
export function createConstant(): Schedule {
  return { factor: () => 1 };
}

/** Weight of a loss term at a step: the formulas of `LossWeight` (method.md §2.6). */
export function lossWeightAt({ weight, ramp, per, lag, length }: LossWeight, position: StepPosition): number {
  const { epoch, epochs, step, stepsPerEpoch } = position;
  const [at, end] = per === 'epoch' ? [epoch, epochs] : [step, epochs * stepsPerEpoch];
  const risen = Math.max(0, at - lag) / (length * end);
  switch (ramp) {
    case 'constant':
      return weight;
    case 'gaussian':
      return weight * Math.exp(-5 * (1 - Math.min(risen, 1)) ** 2);
    case 'linear':
      return weight * Math.min(risen, 1);
    case 'cosine': {
      if (risen < 1) return weight * risen;
      const fallen = (risen - 1) / (1 / length - 1);
      return weight * (length === 1 ? 1 : 0.55 + 0.45 * Math.cos(Math.PI * fallen));
    }
  }
}
