import { codedError, type DmxError, dmxError, type Host, isDmxError, reasonOf, type StepPosition } from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { trainerError } from '../errors.js';
import { leversOf } from '../memory/levers.js';
import type { RunningBackend } from '../types.js';

/** What the engines say when memory is short. */
const OUT_OF_MEMORY = /bad_alloc|out of memory|allocation failed|failed to allocate/i;

/** Errors that name where something failed, whatever it was. */
const NAMING = ['DMX_PLUGIN_FAILED', 'DMX_HOOK_FAILED', 'DMX_CASE_UNUSABLE', 'DMX_CHECKPOINT_WRITE'];

/**
 * Why a run failed where it was for want of memory, in one line; else null.
 * @param above - errors that have been looked at: one may be among its own causes.
 */
function memoryReason(thrown: unknown, above: ReadonlySet<unknown> = new Set()): string | null {
  if (above.has(thrown)) return null;
  if (isDmxError(thrown) && !NAMING.includes(thrown.code)) return null;
  const reason = reasonOf(thrown);
  if (OUT_OF_MEMORY.test(reason)) return reason.split('\n')[0]!;
  return thrown instanceof Error && thrown.cause !== undefined
    ? memoryReason(thrown.cause, new Set([...above, thrown]))
    : null;
}

/** Where a run stood when it failed. */
export interface FailedRun {
  readonly host: Host<Tensor>;
  readonly id: string;
  /** Absolute path of the run folder. */
  readonly directory: string;
  readonly session: RunningBackend | null;
  readonly position: StepPosition | null;
  /** Path of the last checkpoint, without extension; null before the first. */
  readonly checkpoint: string | null;
}

async function outOfMemory(reason: string, failed: FailedRun, cause: unknown): Promise<DmxError> {
  const { host, id, directory, session, position, checkpoint } = failed;
  const levers = session === null ? [] : await leversOf({ host, session, directory }).catch(() => []);
  const { patch, batch } = host.config.train;
  const place = position === null ? 'before the first step' : `at step ${position.step} (epoch ${position.epoch})`;
  const details = {
    reason,
    place,
    patch,
    batch,
    checkpoint,
    levers: levers.map(({ overrides }) => overrides.join(' ')),
  };
  return trainerError('DMX_OUT_OF_MEMORY', details, { runId: id, phase: 'run', cause });
}

/** The error of a run for whatever ended it; want of memory is told with the settings that take less. */
export async function runError(thrown: unknown, failed: FailedRun): Promise<DmxError> {
  const reason = memoryReason(thrown);
  if (reason !== null) return outOfMemory(reason, failed, thrown);
  return asDmxError(thrown, failed.id);
}

/** An error with a code for anything that was thrown. */
export function asDmxError(thrown: unknown, runId: string): DmxError {
  if (isDmxError(thrown)) return thrown;
  const coded = codedError(thrown, { runId, phase: 'run', cause: thrown });
  if (coded !== null) return coded;
  return dmxError('DMX_RUN_FAILED', { run: runId, reason: reasonOf(thrown) }, { runId, phase: 'run', cause: thrown });
}
