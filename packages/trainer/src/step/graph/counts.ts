import {
  argMax,
  cast,
  concat,
  equal,
  expandDims,
  matMul,
  range,
  reshape,
  sum,
  type Tensor,
} from '@tensorflow/tfjs-core';

/** 1 where a voxel has the class: `[n, k]` of int32 labels of any shape. */
function oneHotRows(labels: Tensor, classCount: number): Tensor {
  const column = expandDims(reshape(labels, [-1]), 1);
  return cast(equal(column, range(0, classCount, 1, 'int32')), 'float32');
}

/**
 * Counts of one view as a matrix `[k, k + 1]`: element (t, p) is the number of voxels with target t and prediction p, the
 * last column the number of those voxels whose target is ground truth. One matrix product; sums of ones are exact.
 */
export function countVoxels(logits: Tensor, target: Tensor, truth: Tensor, classCount: number): Tensor {
  const predicted = oneHotRows(argMax(logits, -1), classCount);
  const columns = concat([predicted, reshape(truth, [-1, 1])], 1);
  return matMul(oneHotRows(target, classCount), columns, true, false);
}

/** Voxels by predicted class `[k]`. */
export function countPredictions(logits: Tensor, classCount: number): Tensor {
  const predicted = oneHotRows(argMax(logits, -1), classCount);

  return sum(predicted, 0);
}

/** The counts of {@link countVoxels}, read. */
export interface ViewCounts {
  /** `[k]`: voxels where prediction and target agree. */
  readonly both: readonly number[];
  /** `[k]`: voxels by predicted class. */
  readonly predicted: readonly number[];
  /** `[k]`: voxels by target whose target is ground truth. */
  readonly truth: readonly number[];
  /** `[k]`: voxels by target whose target is a pseudo-label. */
  readonly pseudo: readonly number[];
}

/** Reads the matrix of {@link countVoxels}. */
export function readCounts(matrix: Float32Array, classCount: number): ViewCounts {
  const columns = classCount + 1;
  const at = (target: number, column: number) => matrix[target * columns + column]!;
  const classes = Array.from({ length: classCount }, (_, index) => index);
  const totals = classes.map((target) => classes.reduce((total, predicted) => total + at(target, predicted), 0));
  return {
    both: classes.map((index) => at(index, index)),
    predicted: classes.map((predicted) => classes.reduce((total, target) => total + at(target, predicted), 0)),
    truth: classes.map((target) => at(target, classCount)),
    pseudo: classes.map((target) => totals[target]! - at(target, classCount)),
  };
}

/** Adds the counts of several views. */
export function addCounts(counts: readonly ViewCounts[], classCount: number): ViewCounts {
  const total = (field: keyof ViewCounts): number[] =>
    Array.from({ length: classCount }, (_, index) => counts.reduce((rest, count) => rest + count[field][index]!, 0));
  return { both: total('both'), predicted: total('predicted'), truth: total('truth'), pseudo: total('pseudo') };
}

/** Hard Dice per class 2 |A ∩ B| / (|A| + |B|); null where neither has the class. */
export function hardDice({ both, predicted, truth, pseudo }: ViewCounts): readonly (number | null)[] {
  return both.map((overlap, index) => {
    const total = predicted[index]! + truth[index]! + pseudo[index]!;
    return total === 0 ? null : (2 * overlap) / total;
  });
}
