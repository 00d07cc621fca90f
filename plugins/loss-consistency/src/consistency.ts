import type { ViewName, ViewNeed } from '@dinomix/core';
import type { LossInputs, LossResult, LossSlot, LossViewTensors, Ops } from '@dinomix/trainer';
import {
  add,
  cast,
  concat,
  div,
  greaterEqual,
  mean,
  mul,
  oneHot,
  onesLike,
  softmax,
  square,
  sub,
  sum,
  type Tensor,
  tensor1d,
} from '@tensorflow/tfjs-core';
import type { ConsistencyOptions } from './options.js';

/** The slot `loss` of pseudo-label supervision. */
export function createConsistency(options: ConsistencyOptions): LossSlot {
  const soft = options.target === 'soft' || options.squaredError > 0;
  const needs: readonly ViewNeed[] = ['logits', 'pseudo-labels', ...(soft ? (['probabilities'] as const) : [])];
  return {
    takes: Object.fromEntries(options.views.map((view) => [view, needs])),
    evaluate: (input, { ops }) => evaluateConsistency(input, ops, options),
  };
}

/** What the student is compared with on one view or, joined along the batch, on several. */
interface Comparison {
  /** `[b, d, h, w, k]`. */
  readonly logits: Tensor;
  /** Class indices int32 `[b, d, h, w]`. */
  readonly label: Tensor;
  /** `[b, d, h, w]`. */
  readonly confidence: Tensor;
  /** `[b, d, h, w]`; null for 1 everywhere. */
  readonly voxelWeight: Tensor | null;
  /** `[b, d, h, w, k]`; null on mixed views. */
  readonly probabilities: Tensor | null;
}

/**
 * a CE + b (1 - mean Dice) + c mean((p - q)²) of the student's probabilities p against pseudo-labels or the teacher's
 * probabilities q, over all views as one batch. Voxels below the threshold weigh 0 and stay in the mean (Sohn et al. 2020).
 * Null when no view with a target exists. With a threshold the share of voxels that pass is reported.
 */
export function evaluateConsistency(input: LossInputs, ops: Ops, options: ConsistencyOptions): LossResult | null {
  const comparisons = options.views
    .map((name) => compare(input.views[name], name))
    .filter((comparison) => comparison !== null);
  if (comparisons.length === 0) return null;
  const joined = join(comparisons);
  const gate = options.threshold === null ? null : confident(joined, options.threshold);
  const voxelWeight =
    joined.voxelWeight === null || gate === null ? (joined.voxelWeight ?? gate) : mul(joined.voxelWeight, gate);
  const value = measure({ ...joined, voxelWeight }, input.classWeights, ops, options);
  return gate === null ? { value } : { value, parts: { confident: mean(gate) } };
}

/** On clean views the teacher's word alone; on mixed views the mix of ground truth and pseudo-labels. */
function compare(view: LossViewTensors | undefined, name: ViewName): Comparison | null {
  if (view === undefined) return null;
  const { logits, pseudo, target, confidence, voxelWeight } = view;
  if (name.startsWith('mixed')) {
    return target === null ? null : { logits, label: target, confidence, voxelWeight, probabilities: null };
  }
  if (pseudo === null) return null;
  const { label, confidence: sure, probabilities, weight } = pseudo;
  return { logits, label, confidence: sure, voxelWeight: weight, probabilities };
}

function join(comparisons: readonly Comparison[]): Comparison {
  const [first] = comparisons;
  if (comparisons.length === 1) return first!;
  const all = (part: (comparison: Comparison) => Tensor): Tensor => concat(comparisons.map(part), 0);
  const uniform = comparisons.every(({ voxelWeight }) => voxelWeight === null);
  const soft = comparisons.every(({ probabilities }) => probabilities !== null);
  return {
    logits: all(({ logits }) => logits),
    label: all(({ label }) => label),
    confidence: all(({ confidence }) => confidence),
    voxelWeight: uniform ? null : all((one) => one.voxelWeight ?? onesLike(one.confidence)),
    probabilities: soft ? all(({ probabilities }) => probabilities!) : null,
  };
}

/** 1 where the confidence reaches the threshold of the voxel's class, else 0. Ground truth has confidence 1. */
function confident({ label, confidence, logits }: Comparison, threshold: number | readonly number[]): Tensor {
  if (typeof threshold === 'number') return cast(greaterEqual(confidence, threshold), 'float32');
  const classCount = logits.shape[4]!;
  if (threshold.length !== classCount) {
    throw new Error(
      `consistency: ${threshold.length} thresholds for ${classCount} classes; give one for each, or one number`,
    );
  }
  const own = sum(mul(oneHot(label, classCount), tensor1d([...threshold])), -1);
  return cast(greaterEqual(confidence, own), 'float32');
}

function measure(
  { logits, label, probabilities, voxelWeight }: Comparison,
  classWeights: Tensor | null,
  ops: Ops,
  options: ConsistencyOptions,
): Tensor {
  const { crossEntropy, normalise, dice, squaredError, smooth, background } = options;
  const target = options.target === 'soft' ? probabilities! : label;
  const against = (factors: { crossEntropy: number; dice: number }, weights: Tensor | null): Tensor =>
    ops.softmaxCrossEntropyDice(logits, target, {
      ...factors,
      normalise,
      smooth,
      background,
      ...(voxelWeight === null ? {} : { voxelWeight }),
      ...(weights === null ? {} : { classWeights: weights }),
    });
  const terms: Tensor[] = [];
  if (options.classWeights === 'cross-entropy' && classWeights !== null) {
    if (crossEntropy > 0) terms.push(against({ crossEntropy, dice: 0 }, classWeights));
    if (dice > 0) terms.push(against({ crossEntropy: 0, dice }, null));
  } else if (crossEntropy > 0 || dice > 0) {
    terms.push(against({ crossEntropy, dice }, options.classWeights === 'none' ? null : classWeights));
  }
  if (squaredError > 0) {
    terms.push(mul(squaredDifference(logits, probabilities!, voxelWeight, normalise === 'kept'), squaredError));
  }
  return terms.reduce((total, term) => add(total, term));
}

/**
 * Mean over voxels and classes of m (p - q)² (Tarvainen and Valpola 2017), or, over the voxels that count,
 * Σ_v m Σ_c (p - q)² / (2 Σ_v m + 1e-16) (method.md §4.2).
 */
function squaredDifference(
  logits: Tensor,
  probabilities: Tensor,
  voxelWeight: Tensor | null,
  overKept: boolean,
): Tensor {
  const squares = square(sub(softmax(logits), probabilities));
  if (!overKept) {
    const perVoxel = mean(squares, -1);
    return mean(voxelWeight === null ? perVoxel : mul(perVoxel, voxelWeight));
  }
  const perVoxel = sum(squares, -1);
  const weight = voxelWeight ?? onesLike(perVoxel);
  return div(sum(mul(perVoxel, weight)), add(mul(sum(weight), 2), 1e-16));
}
