import type { HookCallers, StepContext } from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { observedContextFor, type StepMoment } from '../contexts.js';
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
  /** Teachers that are asked inside the graph. */
  readonly traced: readonly TeacherPart[];
  /** Weight of each loss in this step, by loss id. */
  readonly lossWeights: Readonly<Record<string, number>>;
  /** Called when a plugin looks at something that changes from step to step: the graph must then not be replayed. */
  readonly onLook: () => void;
}

/** The context that a plugin gets inside the graph. @param owner - `<slot>:<id>`. */
export function graphContext(owner: string, { moment, onLook }: StepEnvironment): StepContext {
  return observedContextFor(owner, moment, onLook);
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
