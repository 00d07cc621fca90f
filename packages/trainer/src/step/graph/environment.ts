import type { HookCallers, StepContext } from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { observedContextFor, type StepMoment } from '../contexts.js';
import type { Worker } from '../guard.js';
import type { HostParts } from '../host-parts.js';
import type { StepParts, TeacherPart } from '../parts.js';
import type { ViewMaterial } from './views.js';

/** What the graph of a step is made from besides tensors. */
export interface StepEnvironment {
  readonly parts: StepParts;
  readonly hooks: HookCallers<Tensor>;
  readonly moment: StepMoment;
  readonly crops: ViewMaterial['crops'];
  readonly host: HostParts;
  /** Teachers of images that are asked inside the graph. */
  readonly traced: readonly TeacherPart[];
  /** Teachers of outputs that act in this step. */
  readonly taughtBy: readonly TeacherPart[];
  /** Weight of each loss in this step, by loss id. */
  readonly lossWeights: Readonly<Record<string, number>>;
  /** Whether gradients reach a variable. */
  readonly isTrained: (variable: string) => boolean;
  /** Called when a plugin looks at something that changes from step to step: the graph must then not be replayed. */
  readonly onLook: (who: Worker) => void;
}

const HOOK: Worker = { key: 'hook', plugin: 'a plugin that taps hooks' };

/** The context that taps of hooks get inside the graph. */
export function hookContext({ moment, onLook }: StepEnvironment): StepContext {
  return observedContextFor('hook', moment, () => onLook(HOOK));
}

/** Adds properties to a context without calling its getters. */
export function extendContext<E extends object>(context: StepContext, extension: E): StepContext & E {
  return Object.defineProperties(
    {},
    {
      ...Object.getOwnPropertyDescriptors(context),
      ...Object.getOwnPropertyDescriptors(extension),
    },
  ) as StepContext & E;
}
