import type { ParameterSpec } from '@dinomix/core';
import type { GraphStep, WeighterInputs, WeighterSlot } from '@dinomix/trainer';
import {
  add,
  argMax,
  cast,
  div,
  equal,
  log,
  max,
  maximum,
  minimum,
  mul,
  oneHot,
  pow,
  reshape,
  sub,
  sum,
  type Tensor,
} from '@tensorflow/tfjs-core';
import type { DiffdwOptions } from './options.js';

/** Smoothing of Dice and of the quotient. */
const TINY = 1e-8;

function hot(labels: Tensor, classCount: number): Tensor {
  return cast(oneHot(reshape(labels, [-1]), classCount), 'float32');
}

/**
 * Hard Dice of each class over a batch `[k]`, background included: (2 TP + s) / (2 TP + FP + FN + 2 s), s = 1e-8, so that a
 * class that is in neither mask scores 0.5 (method.md §2.6).
 */
function hardDice(logits: Tensor, label: Tensor): Tensor {
  const classCount = logits.shape[4]!;
  const [predicted, truth] = [hot(argMax(logits, -1), classCount), hot(label, classCount)];
  const overlap = mul(sum(mul(predicted, truth), 0), 2);
  return div(add(overlap, TINY), add(add(sum(predicted, 0), sum(truth, 0)), 2 * TINY));
}

/** Values of the weighter's variables before the first step. */
const STARTS = { dice: TINY, learned: 0, unlearned: 0, difficulty: 1 } as const;

function variables(classCount: number): readonly ParameterSpec[] {
  return Object.entries(STARTS).map(([name, value]) => ({
    name,
    shape: [classCount],
    initializer: { kind: 'constant', value },
    trainable: false,
    decay: false,
  }));
}

/**
 * Difficulty-aware weights of DHC (Wang and Li 2023), with λ the hard Dice on the labelled crops of this step and d its change:
 * learned <- EMA max(d, 0) log(λ / λ_before), unlearned <- EMA min(d, 0) log(λ / λ_before), difficulty <- EMA (1 - λ),
 * w = ((unlearned + s) / (learned + s))^(1/5) · difficulty, divided by its largest and times K (method.md §4.12).
 */
export function createDiffdw({ students, momentum, exponent, scale }: DiffdwOptions): WeighterSlot {
  return {
    students,
    takes: ['labelled'],
    parameters: ({ classCount }) => variables(classCount),
    weigh({ views }: WeighterInputs, ctx: GraphStep): Tensor | null {
      const { labelled } = views;
      if (labelled === undefined) return null;
      const average = (name: keyof typeof STARTS, value: Tensor): Tensor => {
        const next = add(mul(ctx.state[name]!, momentum), mul(value, 1 - momentum));
        ctx.setState(name, next);
        return next;
      };
      const before = ctx.state.dice!;
      const dice = hardDice(labelled.logits, labelled.label!);
      ctx.setState('dice', dice);
      const change = sub(dice, before);
      const speed = sub(log(dice), log(before));
      const learned = average('learned', mul(maximum(change, 0), speed));
      const unlearned = average('unlearned', mul(minimum(change, 0), speed));
      const difficulty = average('difficulty', sub(1, dice));
      const weights = mul(pow(div(add(unlearned, TINY), add(learned, TINY)), exponent), difficulty);
      const classCount = weights.shape[0]!;
      if (scale === 'none') return mul(weights, classCount);
      const largest = max(weights);
      return mul(div(weights, add(largest, cast(equal(largest, 0), 'float32'))), classCount);
    },
  };
}
