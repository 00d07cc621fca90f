import type { Batch, NamedTensors, StepPosition } from '@dinomix/core';
import { scalar, type Tensor, tensor } from '@tensorflow/tfjs-core';
import { EPOCH, ITERATION, KEY, LEARNING_RATE, lossWeight, PROGRESS, viewTensor } from '../names.js';

/** The inputs of one step besides the variables. It owns its tensors. */
export interface StepInputs {
  readonly tensors: NamedTensors<Tensor>;
  add(tensors: NamedTensors<Tensor>): void;
  dispose(): void;
}

/** Makes an empty set. */
export function createStepInputs(): StepInputs {
  const tensors: Record<string, Tensor> = {};
  return {
    tensors,
    add(given) {
      Object.assign(tensors, given);
    },
    dispose() {
      // One tensor may stand under several names; a second dispose does nothing.
      for (const value of Object.values(tensors)) value.dispose();
    },
  };
}

/** Images and labels of a batch. */
export function batchInputs({ labelled, unlabelled }: Batch): NamedTensors<Tensor> {
  const inputs = {
    [viewTensor('labelled', 'image')]: tensor(labelled.image, [...labelled.shape, 1]),
    [viewTensor('labelled', 'label')]: tensor(new Int32Array(labelled.label), [...labelled.shape], 'int32'),
  };
  if (unlabelled === null) return inputs;
  return { ...inputs, [viewTensor('unlabelled', 'image')]: tensor(unlabelled.image, [...unlabelled.shape, 1]) };
}

/** Numbers of a step. */
export interface StepNumbers {
  readonly learningRate: number;
  readonly position: StepPosition;
  readonly key: readonly number[];
  /** By loss id. */
  readonly lossWeights: Readonly<Record<string, number>>;
}

/** Numbers as scalars, so that a new value is not a new graph. */
export function numberInputs({ learningRate, position, key, lossWeights }: StepNumbers): NamedTensors<Tensor> {
  const { step, epoch, epochs, stepsPerEpoch } = position;
  const weights = Object.entries(lossWeights).map(([id, weight]) => [lossWeight(id), scalar(weight)] as const);
  return {
    [LEARNING_RATE]: scalar(learningRate),
    [ITERATION]: scalar(step),
    [EPOCH]: scalar(epoch),
    [PROGRESS]: scalar(step / (epochs * stepsPerEpoch)),
    [KEY]: tensor([...key]),
    ...Object.fromEntries(weights),
  };
}
