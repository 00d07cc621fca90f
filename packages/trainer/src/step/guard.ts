import { type ErrorContext, isDmxError, reasonOf, type StepPosition } from '@dinomix/core';
import { trainerError } from '../errors.js';

/** Who is at work, for error messages. */
export interface Worker {
  /** Slot and id, such as `teacher:ema`. */
  readonly key: string;
  /** Package name and version. */
  readonly plugin: string;
}

function failure(worker: Worker, work: string, position: StepPosition | null, thrown: unknown): Error {
  if (isDmxError(thrown)) return thrown;
  const { key, plugin } = worker;
  const place: ErrorContext = position === null ? {} : { epoch: position.epoch, step: position.step };
  const context: ErrorContext = { plugin, slot: key, phase: 'run', ...place, cause: thrown };
  return trainerError('DMX_PLUGIN_FAILED', { plugin, key, work, reason: reasonOf(thrown) }, context);
}

/** Runs work of a plugin; what it throws is named. @throws DMX_PLUGIN_FAILED with the cause. */
export function guarded<V>(worker: Worker, work: string, position: StepPosition | null, run: () => V): V {
  try {
    return run();
  } catch (thrown) {
    throw failure(worker, work, position, thrown);
  }
}

/** The same for asynchronous work. */
export async function guardedAsync<V>(
  worker: Worker,
  work: string,
  position: StepPosition | null,
  run: () => Promise<V> | V,
): Promise<V> {
  try {
    return await run();
  } catch (thrown) {
    throw failure(worker, work, position, thrown);
  }
}
