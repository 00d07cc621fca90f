import { createRequire } from 'node:module';
import { reasonOf, type WorkerSource } from '@dinomix/core';
import { Piscina } from 'piscina';
import type { CaseSource } from './case-source.js';
import type { LoaderWorkerData, WorkerAnswer } from './worker.js';

/** Threads that read cases with readers of their own. */
export interface CaseThreads {
  /** Runs a task of the module of the threads, by the name of its export. */
  ask<V>(task: object, name: string): Promise<WorkerAnswer<V>>;
  /** Ends the threads, whatever they do. */
  end(): Promise<void>;
}

/** Why a thread ended. */
function deathOf(thrown: unknown, { heapMb }: WorkerSource): string {
  const isFull = (thrown as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY';
  if (!isFull || heapMb === undefined) return reasonOf(thrown);
  return `reading it took more than the ${heapMb} MiB of objects that its reader may hold (heapMb): what it says beside its voxels is longer than that of any sound file`;
}

/** Starts threads for the cases of a data set. */
export function openCaseThreads(
  { workerSource, preprocessing, classCount, cache = null }: CaseSource,
  count: number,
): CaseThreads {
  const workerData: LoaderWorkerData = { source: workerSource, preprocessing, classCount, cache };
  const pool = new Piscina({
    filename: createRequire(import.meta.url).resolve('@dinomix/data/loader-worker'),
    minThreads: count,
    maxThreads: count,
    recordTiming: false,
    // The thread runs built files, whatever loaders and conditions this process was started with.
    execArgv: [],
    workerData,
    ...(workerSource.heapMb === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: workerSource.heapMb } }),
  });
  let isEnding = false;
  // An answer that was on its way when its thread was ended is no task's any more: Piscina reports it, and unheard it would
  // end the process.
  pool.on('error', (error) => {
    if (!isEnding) throw error;
  });
  return {
    // A thread that dies rejects the task; that too must name the case.
    ask: (task, name) => pool.run(task, { name }).catch((thrown) => ({ failure: deathOf(thrown, workerSource) })),
    end: () => {
      isEnding = true;
      return pool.destroy();
    },
  };
}
