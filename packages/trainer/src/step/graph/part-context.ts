import type { GraphContext, NamedTensors } from '@dinomix/core';
import { type Tensor, tidy } from '@tensorflow/tfjs-core';
import { contextFor } from '../contexts.js';
import type { Worker } from '../guard.js';
import { EPOCH, ITERATION, KEY, PROGRESS, under } from '../names.js';
import { placeKey } from '../random.js';
import type { StepEnvironment } from './environment.js';
import type { Sink } from './sink.js';

/** Whose context it is. */
export interface PartScope extends Worker {
  /** Whom the part works for; null where it works for all students at once. */
  readonly studentId: string | null;
  /** Prefix of its variables among those of the run. */
  readonly prefix: string;
}

/** What a context is made from besides tensors. */
export type ContextMaterial = Pick<StepEnvironment, 'parts' | 'moment' | 'isTrained' | 'onLook'>;

/** A variable may be set by its part if it exists, no gradient reaches it and the shape stays. */
function assertSettable(
  scope: PartScope,
  name: string,
  value: Tensor,
  tensors: NamedTensors<Tensor>,
  env: ContextMaterial,
) {
  const present = tensors[scope.prefix + name];
  const declared = Object.keys(under(scope.prefix, tensors));
  if (present === undefined) {
    const known = declared.length === 0 ? 'it declared none' : `it declared ${declared.join(', ')}`;
    throw new Error(`it set the variable "${name}", which it did not declare (${known})`);
  }
  if (env.isTrained(scope.prefix + name)) {
    throw new Error(`it set the parameter "${name}", which the optimizer owns; declare it with trainable: false`);
  }
  if (present.shape.join() !== value.shape.join()) {
    throw new Error(`it set the variable "${name}" [${present.shape}] to values of the shape [${value.shape}]`);
  }
}

/**
 * What a part gets in the graph of a step. Plain properties, so that copying it asks for nothing that changes from step to
 * step.
 * @param own - takes charge of the tensors that the context makes.
 */
export function partContext(
  scope: PartScope,
  tensors: NamedTensors<Tensor>,
  env: ContextMaterial,
  sink: Sink,
  own: (value: Tensor) => Tensor = (value) => value,
): GraphContext<Tensor> {
  const owner = scope.studentId === null ? scope.key : `${scope.key}/${scope.studentId}`;
  return {
    iteration: tensors[ITERATION]!,
    epoch: tensors[EPOCH]!,
    progress: tensors[PROGRESS]!,
    epochs: env.moment.position.epochs,
    stepsPerEpoch: env.moment.position.stepsPerEpoch,
    key: (purpose) => own(tidy(() => placeKey(tensors[KEY]!, `${owner}/${purpose}`))),
    ops: env.parts.ops,
    state: under(scope.prefix, tensors),
    setState(name, value) {
      assertSettable(scope, name, value, tensors, env);
      sink.set(scope.prefix + name, value);
    },
    report: (name, values, unit) => sink.report(owner, name, values, unit),
    host() {
      env.onLook(scope);
      return contextFor(scope.key, env.moment);
    },
  };
}
