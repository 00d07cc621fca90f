import { argMax, concat, matMul, oneHot, reshape, sum, type Tensor } from '@tensorflow/tfjs-core';

/** 1 where a voxel has the class: `[b, n, k]` of int32 labels `[b, ...]`. */
function oneHotRows(labels: Tensor, classCount: number): Tensor {
  return reshape(oneHot(labels, classCount, 1, 0, 'float32'), [labels.shape[0]!, -1, classCount]);
}

/**
 * Counts of one view as a matrix `[k, k + 1]`: element (t, p) is the number of voxels with target t and prediction p, the
 * last column the number of those voxels whose target is ground truth. One matrix product a sample; sums of ones are exact.
 */
export function countVoxels(logits: Tensor, target: Tensor, truth: Tensor, classCount: number): Tensor {
  const targets = oneHotRows(target, classCount);
  const predicted = oneHotRows(argMax(logits, -1), classCount);
  const both = matMul(targets, predicted, true, false);
  const known = matMul(targets, reshape(truth, [target.shape[0]!, -1, 1]), true, false);
  return sum(concat([both, known], 2), 0);
}

/** Voxels by predicted class `[k]`. */
export function countPredictions(logits: Tensor, classCount: number): Tensor {
  return sum(oneHotRows(argMax(logits, -1), classCount), [0, 1]);
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
