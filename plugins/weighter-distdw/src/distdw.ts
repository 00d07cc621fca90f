import type { GraphStep, WeighterInputs, WeighterSlot } from '@dinomix/trainer';
import {
  add,
  argMax,
  cast,
  div,
  equal,
  log,
  max,
  mul,
  oneHot,
  reshape,
  sub,
  sum,
  type Tensor,
} from '@tensorflow/tfjs-core';
import type { DistdwOptions } from './options.js';

/** Added to every count, so that a class that is nowhere has a finite weight. */
const TINY = 1e-8;

/** w_c = K log(n_max / n_c) / max_k log(n_max / n_k): the most frequent class has the weight 0 (method.md §4.12). */
export function distributionWeights(voxels: readonly number[]): readonly number[] {
  const most = Math.max(...voxels) + TINY;
  const logs = voxels.map((count) => Math.log(most / (count + TINY)));
  const largest = Math.max(...logs);
  return logs.map((value) => (largest === 0 ? 0 : (voxels.length * value) / largest));
}

/** The same in the graph: counts `[k]` → weights `[k]`. */
function weightsOf(counts: Tensor): Tensor {
  const classCount = counts.shape[0]!;
  const logs = sub(log(add(max(counts), TINY)), log(add(counts, TINY)));
  const largest = max(logs);
  return div(mul(logs, classCount), add(largest, cast(equal(largest, 0), 'float32')));
}

/** Voxels by predicted class `[k]`; exact up to 2^24 a class. */
function countPredictions(logits: Tensor): Tensor {
  const classCount = logits.shape[4]!;
  return sum(cast(oneHot(reshape(argMax(logits, -1), [-1]), classCount), 'float32'), 0);
}

/**
 * Distribution-aware weights of DHC (Wang and Li 2023): they start at those of the labelled voxels and follow what the student
 * predicts, w <- m w + (1 - m) w(counts of its argmax), in the same step.
 */
export function createDistdw({ students, momentum, part }: DistdwOptions): WeighterSlot {
  return {
    students,
    takes: [part],
    parameters: ({ dataset, classCount }) => [
      {
        name: 'weights',
        shape: [classCount],
        initializer: { kind: 'values', values: distributionWeights(dataset.labelledVoxels) },
        trainable: false,
        decay: false,
      },
    ],
    weigh({ views }: WeighterInputs, ctx: GraphStep): Tensor {
      const view = views[part];
      const past = ctx.state.weights!;
      if (view === undefined) return past;
      const next = add(mul(past, momentum), mul(weightsOf(countPredictions(view.logits)), 1 - momentum));
      ctx.setState('weights', next);
      return next;
    },
  };
}
