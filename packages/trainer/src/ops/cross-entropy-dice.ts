import type { CrossEntropyDiceOptions } from '@dinomix/core';
import {
  add,
  cast,
  div,
  equal,
  logSoftmax,
  mean,
  mul,
  neg,
  oneHot,
  reshape,
  scalar,
  slice,
  softmax,
  sub,
  sum,
  type Tensor,
  type Tensor2D,
} from '@tensorflow/tfjs-core';

type Options = CrossEntropyDiceOptions<Tensor>;

/** Logits and target as rows of classes `[n, k]`, the voxel weight as a column `[n, 1]`. */
interface Rows {
  readonly logits: Tensor2D;
  readonly target: Tensor2D;
  readonly hard: boolean;
  readonly voxelWeight: Tensor | undefined;
}

function toRows(logits: Tensor, target: Tensor, options: Options): Rows {
  const classes = logits.shape[logits.rank - 1]!;
  const hard = target.rank === logits.rank - 1;
  const { voxelWeight } = options;
  return {
    logits: reshape(logits, [-1, classes]),
    target: hard ? (oneHot(reshape(target, [-1]), classes) as Tensor2D) : reshape(target, [-1, classes]),
    hard,
    voxelWeight: voxelWeight === undefined ? undefined : reshape(voxelWeight, [-1, 1]),
  };
}

function weigh(x: Tensor, weight: Tensor | undefined): Tensor {
  return weight === undefined ? x : mul(x, weight);
}

/** N of the contract: what the sum over voxels is divided by. */
function divisor({ logits, hard, voxelWeight }: Rows, weighted: Tensor, options: Options): Tensor {
  const voxels = scalar(logits.shape[0]);
  const isPlain = hard && options.classWeights === undefined;
  switch (options.normalise ?? 'weights') {
    case 'voxels':
      return voxels;
    case 'weights':
      return isPlain ? voxels : sum(weighted);
    case 'kept':
      return isPlain && voxelWeight === undefined ? voxels : sum(weigh(weighted, voxelWeight));
  }
}

/** Σ_v m_v w_{y_v} (-log p_{v, y_v}) / N; 0 where N is 0. */
function crossEntropy(rows: Rows, options: Options): Tensor {
  const weighted = weigh(rows.target, options.classWeights);
  const losses = weigh(neg(mul(weighted, logSoftmax(rows.logits))), rows.voxelWeight);
  const total = divisor(rows, weighted, options);
  return div(sum(losses), add(total, cast(equal(total, 0), 'float32')));
}

/** 1 - mean_c(w_c D_c). With TP, FP and FN as in the contract, 2 TP + FP + FN = Σ m p + Σ m [y = c]. */
function softDice({ logits, target, voxelWeight }: Rows, options: Options): Tensor {
  const smooth = options.smooth ?? 1;
  const probabilities = weigh(softmax(logits), voxelWeight);
  const overlap = sum(mul(probabilities, target), 0);
  const sizes = add(sum(probabilities, 0), sum(weigh(target, voxelWeight), 0));
  const dice = div(add(mul(overlap, 2), smooth), add(sizes, smooth));
  const scores = weigh(dice, options.classWeights);
  return sub(1, mean(options.background === true ? scores : slice(scores, [1])));
}

/**
 * Softmax cross-entropy plus soft Dice (formulas in `CrossEntropyDiceOptions`; method.md §4.0). `logits` [b, d, h, w, k];
 * `target` int32 [b, d, h, w] or float32 [b, d, h, w, k] → scalar.
 */
export function softmaxCrossEntropyDice(logits: Tensor, target: Tensor, options: Options): Tensor {
  const rows = toRows(logits, target, options);
  const terms = [
    ...(options.crossEntropy === 0 ? [] : [mul(crossEntropy(rows, options), options.crossEntropy)]),
    ...(options.dice === 0 ? [] : [mul(softDice(rows, options), options.dice)]),
  ];
  return terms.length === 0 ? mul(sum(rows.logits), 0) : terms.reduce((total, term) => add(total, term));
}
