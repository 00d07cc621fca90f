import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import {
  definePlugin,
  type Executor,
  type ExecutorContext,
  errorFromJson,
  PLUGIN_API_LEVEL,
  type RunOutcome,
  type RunSpec,
} from '@dinomix/core';
import { disableTelemetry } from '@dinomix/core/telemetry';
import { z } from 'zod';
import { trainerError } from '../errors.js';
import type { WorkerMessage } from './worker-message.js';

/**
 * Runs one spec in a thread of its own, so that the calling thread stays live.
 * @throws the error of a run that could not be made; DMX_WORKER_DIED when the thread ends without an outcome.
 */
function runInThread(spec: RunSpec, { signal, onEvent }: ExecutorContext): Promise<RunOutcome> {
  const file = createRequire(import.meta.url).resolve('@dinomix/trainer/train-worker');
  // In the thread itself it would be too late.
  disableTelemetry();
  // The thread runs built files, whatever loaders and conditions this process was started with.
  const worker = new Worker(file, { workerData: spec, execArgv: [] });
  const stop = (): void => worker.postMessage({ type: 'stop' });
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop);
  return new Promise<RunOutcome>((resolve, reject) => {
    worker.on('message', (message: WorkerMessage) => {
      if (message.type === 'event') onEvent(message.event);
      else if (message.type === 'outcome') resolve(message.outcome);
      else reject(errorFromJson(message.error));
    });
    worker.on('error', (thrown) =>
      reject(trainerError('DMX_WORKER_DIED', { reason: thrown.message }, { cause: thrown })),
    );
    worker.on('exit', (code) => reject(trainerError('DMX_WORKER_DIED', { reason: `exit code ${code}` })));
  }).finally(async () => {
    signal.removeEventListener('abort', stop);
    await worker.terminate();
  });
}

/** Executes runs in a thread of this process. */
export function createLocalExecutor(): Executor {
  return { run: runInThread };
}

/** `executor:local`. */
export const local = definePlugin({
  name: '@dinomix/trainer/local',
  version: '1.0.0',
  core: '^1.0.0',
  api: PLUGIN_API_LEVEL,
  provides: ['executor:local'],
  options: z.strictObject({}),
  setup: (api) => api.provide('executor', 'local', () => createLocalExecutor()),
});
