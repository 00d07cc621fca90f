import type { RunInfo, StepContext, StepPosition } from '@dinomix/core';
import { streamsFor } from './random.js';

/** One step of a run, before it is told to a plugin. */
export interface StepMoment {
  readonly run: RunInfo;
  readonly position: StepPosition;
  readonly signal: AbortSignal;
}

/** The context of one plugin in one step. @param owner - `<slot>:<id>`. */
export function contextFor(owner: string, { run, position, signal }: StepMoment): StepContext {
  const { epoch, stepInEpoch } = position;
  return { run, position, signal, rng: streamsFor(owner, { seed: run.seed, epoch, stepInEpoch }) };
}

/**
 * The same context, which tells when somebody looks at what changes from step to step: what was computed from it must not be
 * replayed.
 */
export function observedContextFor(owner: string, moment: StepMoment, onLook: () => void): StepContext {
  const context = contextFor(owner, moment);
  return {
    run: context.run,
    signal: context.signal,
    get position() {
      onLook();
      return context.position;
    },
    get rng() {
      onLook();
      return context.rng;
    },
  };
}
