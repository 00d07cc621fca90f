import type { LossInputs, LossResult, LossSlot, LossViewTensors, Ops } from '@dinomix/trainer';
import { add, type Tensor } from '@tensorflow/tfjs-core';
import type { DiceCeOptions } from './options.js';

/** The slot `loss` of cross-entropy plus soft Dice. */
export function createDiceCe(options: DiceCeOptions): LossSlot {
  return {
    takes: Object.fromEntries(options.views.map((view) => [view, ['logits']])),
    evaluate: (input, { ops }) => evaluateDiceCe(input, ops, options),
  };
}

/**
 * Σ over views of a CE + b (1 - mean over foreground classes of soft Dice): L_sup(x_l) + L_sup(x_l') of method.md §1.3, with
 * the formulas of §4.0. Null when no view with a target exists. Each view's value is reported as a part.
 */
export function evaluateDiceCe(input: LossInputs, ops: Ops, options: DiceCeOptions): LossResult | null {
  const parts: Record<string, Tensor> = {};
  for (const name of options.views) {
    const view = input.views[name];
    if (view !== undefined && view.target !== null) {
      parts[name] = viewLoss(view, view.target, input.classWeights, ops, options);
    }
  }
  const values = Object.values(parts);
  if (values.length === 0) return null;
  return { value: values.reduce((total, value) => add(total, value)), parts };
}

function viewLoss(
  view: LossViewTensors,
  target: Tensor,
  classWeights: Tensor | null,
  ops: Ops,
  options: DiceCeOptions,
): Tensor {
  const { crossEntropy, normalise, dice, smooth, background } = options;
  // The labelled view is ground truth throughout, so that its voxel weight is 1 and need not be multiplied in.
  const common = {
    normalise,
    smooth,
    background,
    ...(view.name === 'labelled' ? {} : { voxelWeight: view.voxelWeight }),
  };
  const measure = (factors: { crossEntropy: number; dice: number }, weights: Tensor | null): Tensor =>
    ops.softmaxCrossEntropyDice(view.logits, target, {
      ...common,
      ...factors,
      ...(weights === null ? {} : { classWeights: weights }),
    });
  if (options.classWeights === 'cross-entropy' && classWeights !== null) {
    return add(measure({ crossEntropy, dice: 0 }, classWeights), measure({ crossEntropy: 0, dice }, null));
  }
  return measure({ crossEntropy, dice }, options.classWeights === 'none' ? null : classWeights);
}
