import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { DmxError, type Index3, type Normalisation } from '@dinomix/core';
import { disableTelemetry } from '@dinomix/core/telemetry';
import { Piscina } from 'piscina';
import type { Describer, TokenGrid } from '../describe.js';
import type { Dinov3Options } from '../options.js';
import type { DescribeAnswer, DescriberFacts, DescribeTask, DescribeWorkerData } from './describe-worker.js';

/**
 * A describer whose work is done in threads, each with a model of its own and its share of the processor's cores. It can be
 * asked about as many volumes at once as there are threads.
 * @param threads - at least 1.
 * @param signal - stops every volume under way, between calls of the model.
 * @throws as `openDescriber`.
 */
export async function openDescriberPool(
  options: Dinov3Options,
  normalisation: Normalisation,
  patch: Index3,
  threads: number,
  signal: AbortSignal,
): Promise<Describer> {
  const own = options.threads ?? Math.max(1, Math.floor(availableParallelism() / threads));
  const workerData: DescribeWorkerData = { options: { ...options, threads: own }, normalisation, patch };
  disableTelemetry();
  const pool = new Piscina({
    filename: createRequire(import.meta.url).resolve('@dinomix/teacher-dinov3/describe-worker'),
    minThreads: threads,
    maxThreads: threads,
    recordTiming: false,
    // The thread runs built files, whatever loaders and conditions this process was started with.
    execArgv: [],
    workerData,
  });
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const running = new Set<Promise<unknown>>();
  const run = async <V>(name: string, task: unknown): Promise<V> => {
    const asked: Promise<DescribeAnswer<V>> = pool.run(task, { name });
    running.add(asked);
    const answered = await asked.finally(() => running.delete(asked));
    if (!('failure' in answered)) return answered.value;
    throw typeof answered.failure === 'string' ? new Error(answered.failure) : new DmxError(answered.failure);
  };
  const end = (): void => void Atomics.store(stop, 0, 1);
  signal.addEventListener('abort', end);
  const dispose = async (): Promise<void> => {
    signal.removeEventListener('abort', end);
    // A thread that is ended inside of a call of ONNX Runtime takes the process with it.
    end();
    await Promise.allSettled(running);
    await pool.destroy();
  };
  try {
    const facts = await run<DescriberFacts>('facts', undefined);
    const describe = async (intensities: Float32Array, shape: Index3): Promise<TokenGrid> => {
      signal.throwIfAborted();
      try {
        const task: DescribeTask = { intensities, shape, recipe: facts.recipe, stop };
        return await run<TokenGrid>('describe', task);
      } finally {
        signal.throwIfAborted();
      }
    };
    return { ...facts, cells: (shape) => run('cells', shape), describe, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}
