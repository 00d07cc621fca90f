import { basename } from 'node:path';
import {
  createHost,
  dmxError,
  isDmxError,
  type JsonObject,
  loadConfigFile,
  type RunEvent,
  type RunOutcome,
  type RunSpec,
  reasonOf,
} from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { builtIns } from '../built-ins.js';
import { trainerError } from '../errors.js';
import { runTraining } from './run-training.js';

/** What a worker sends. */
export type WorkerMessage =
  | { readonly type: 'event'; readonly event: RunEvent }
  | { readonly type: 'outcome'; readonly outcome: RunOutcome }
  /** The run could not even be made: the config does not load, or is another one. */
  | { readonly type: 'failure'; readonly error: JsonObject };

/** What a worker is sent. `start` only where it was not told at its creation. */
export type WorkerRequest = { readonly type: 'start'; readonly spec: RunSpec } | { readonly type: 'stop' };

function asJson(thrown: unknown, id: string): JsonObject {
  return (isDmxError(thrown) ? thrown : dmxError('DMX_RUN_FAILED', { run: id, reason: reasonOf(thrown) })).toJSON();
}

/**
 * Executes a run out of its spec: loads the config file again, checks that it is the same, trains.
 * @param send - receives every event and, at the end, one `outcome` or `failure`.
 */
export async function serveRun(
  spec: RunSpec,
  signal: AbortSignal,
  send: (message: WorkerMessage) => void,
): Promise<void> {
  try {
    // The host is disposed before the outcome is told, so that whoever hears it may end the process.
    send({ type: 'outcome', outcome: await execute(spec, signal, send) });
  } catch (thrown) {
    send({ type: 'failure', error: asJson(thrown, basename(spec.directory)) });
  }
}

async function execute(
  spec: RunSpec,
  signal: AbortSignal,
  send: (message: WorkerMessage) => void,
): Promise<RunOutcome> {
  const loaded = await loadConfigFile(spec.configFile, spec.overrides);
  const onEvent = (event: RunEvent): void => send({ type: 'event', event });
  const onWarning = (message: string, plugin: string): void => {
    onEvent({ time: new Date().toISOString(), type: 'warning', message, plugin });
  };
  await using host = await createHost<Tensor>({ ...loaded, base: builtIns, onWarning });
  if (host.configHash !== spec.configHash) {
    const details = { file: spec.configFile, found: host.configHash, expected: spec.configHash };
    throw trainerError('DMX_SPEC_CONFIG', details, { phase: 'load' });
  }
  const { directory, resume, force = false } = spec;
  const openVariant = (overrides: readonly string[]) =>
    createHost<Tensor>({ ...loaded, overrides: [...loaded.overrides, ...overrides], base: builtIns });
  return await runTraining({ host, id: basename(directory), directory, resume, signal, onEvent, force, openVariant });
}
