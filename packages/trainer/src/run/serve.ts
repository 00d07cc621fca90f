import { basename } from 'node:path';
import {
  createHost,
  dmxError,
  isDmxError,
  type JsonObject,
  type ResolvedConfig,
  type RunEvent,
  type RunOutcome,
  type RunSpec,
  reasonOf,
  restoreHost,
} from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { builtIns } from '../built-ins.js';
import { trainerError } from '../errors.js';
import { runTraining } from './run-training.js';
import { writeSpec } from './spec-file.js';
import type { WorkerMessage } from './worker-message.js';

/** What a worker is sent. `start` only where it was not told at its creation. */
export type WorkerRequest = { readonly type: 'start'; readonly spec: RunSpec } | { readonly type: 'stop' };

function asJson(thrown: unknown, id: string): JsonObject {
  return (isDmxError(thrown) ? thrown : dmxError('DMX_RUN_FAILED', { run: id, reason: reasonOf(thrown) })).toJSON();
}

/**
 * Executes a run out of its spec: makes the host of its config again, trains.
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
  const onEvent = (event: RunEvent): void => send({ type: 'event', event });
  const onWarning = (message: string, plugin: string): void => {
    onEvent({ time: new Date().toISOString(), type: 'warning', message, plugin });
  };
  const { configFile, overrides, configHash, directory, resume, force = false } = spec;
  const config = spec.config as unknown as ResolvedConfig;
  const stored = { configFiles: [configFile], overrides, configHash, config };
  const { host: restored, loaded } = await restoreHost<Tensor>(stored, directory, { base: builtIns, onWarning });
  await using host = restored;
  if (host.configHash !== configHash) {
    const details = { file: configFile, found: host.configHash, expected: configHash };
    throw trainerError('DMX_SPEC_CONFIG', details, { phase: 'load' });
  }
  const openVariant = (more: readonly string[]) =>
    createHost<Tensor>({ ...loaded, overrides: [...loaded.overrides, ...more], base: builtIns });
  const onFolder = () => (resume ? Promise.resolve() : writeSpec(spec));
  const about = { host, id: basename(directory), directory, resume, force };
  return await runTraining({ ...about, signal, onEvent, openVariant, onFolder });
}
