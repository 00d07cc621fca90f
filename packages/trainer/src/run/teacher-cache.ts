import { dirname, join } from 'node:path';
import type { Host, TeacherCacheFill, TeacherCachePlan } from '@dinomix/core';
import { createCaseStore, createCaseWorkers, trainingVolumes } from '@dinomix/data/loader';
import { eachCase, lockFolder, waitText } from '@dinomix/data/prepare';
import { makeFolder } from '@dinomix/volume';
import type { Tensor } from '@tensorflow/tfjs-core';
import { trainerError } from '../errors.js';
import { guardedAsync } from '../step/guard.js';

/** Folder in which a teacher keeps what survives a run: beside the runs, so that all of them share it. */
export function teacherCacheFolder(runDirectory: string, teacherId: string): string {
  return join(dirname(runDirectory), '.cache', teacherId);
}

/** What became of a case. */
export type CacheFillState = 'kept' | 'computed';

/** What {@link fillTeacherCaches} takes. */
export interface TeacherCacheOptions {
  readonly host: Host<Tensor>;
  /** Absolute path of the folder of a run that will use the cache; it need not exist. */
  readonly directory: string;
  /** Threads that compute, and as many that read; 0 works in the calling thread. */
  readonly workers: number;
  /** Plan only. */
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
  /** Called once where another process fills the same folder; this one then waits for it. */
  readonly onWait?: (message: string) => void;
  /** Called before anything is computed. @param key - `teacher:<id>` */
  readonly onPlan: (key: string, plan: TeacherCachePlan) => void;
  /** Called after each case, in the order in which they are done. */
  readonly onCase: (caseId: string, state: CacheFillState, done: number, total: number) => void;
}

/** What was done for one teacher. */
export interface TeacherCacheReport {
  readonly teacher: string;
  readonly plan: TeacherCachePlan;
  /** Cases whose tokens were there. */
  readonly kept: number;
  readonly computed: number;
  readonly seconds: number;
}

/** @throws DMX_TEACHER_CACHE_ROOM when the plan is larger than the limit or the disk. */
function assertRoom(key: string, { directory, bytes, ...plan }: TeacherCachePlan): void {
  const missing = (plan.cases.length - plan.present.length) * plan.bytesPerVolume;
  const error = (needed: number, room: number, limit: boolean) =>
    trainerError('DMX_TEACHER_CACHE_ROOM', { key, directory, needed, room, limit });
  if (bytes > plan.limitBytes) throw error(bytes, plan.limitBytes, true);
  if (missing > plan.freeBytes) throw error(missing, plan.freeBytes, false);
}

/** Where the folder of a cache is another process's, waits, and then finds its work. @returns gives it back. */
async function lockCache(directory: string, { onWait, signal }: TeacherCacheOptions): Promise<() => Promise<void>> {
  await makeFolder(directory);
  const lock = join(directory, '.cache.lock');
  return lockFolder(lock, { onBusy: (holder) => onWait?.(waitText(directory, lock, holder)), signal });
}

async function fillOne(key: string, fill: TeacherCacheFill, options: TeacherCacheOptions): Promise<TeacherCacheReport> {
  const { plan } = fill;
  const report = { teacher: key, plan, kept: 0, computed: 0, seconds: 0 };
  options.onPlan(key, plan);
  if (options.dryRun) return report;
  assertRoom(key, plan);
  const unlock = await lockCache(plan.directory, options);
  try {
    const seconds = await fillCases(fill, report, options);
    return { ...report, seconds };
  } finally {
    await unlock();
  }
}

/** Counts into the report. @returns seconds */
async function fillCases(
  cache: TeacherCacheFill,
  report: { kept: number; computed: number },
  options: TeacherCacheOptions,
): Promise<number> {
  const { plan } = cache;
  const started = performance.now();
  // What is there is only looked at, and goes first: it tells nothing about the time that the others take.
  const present = new Set(plan.present);
  const cases = [...plan.present, ...plan.cases.filter((caseId) => !present.has(caseId))];
  // One more than compute: while they do, the next volume is read.
  await eachCase(cases, options.workers + 1, options.signal, async (caseId) => {
    const state = await cache.fill(caseId);
    report[state]++;
    options.onCase(caseId, state, report.kept + report.computed, cases.length);
  });
  return (performance.now() - started) / 1000;
}

/**
 * Fills the caches of the teachers of a config for all its cases, ahead of any run and under the names that runs look for.
 * What is there and still holds stays, so that an interrupted filling goes on where it ended. Of two that fill one folder the
 * second waits, and finds the work of the first.
 * @throws DMX_TEACHER_CACHE when no teacher keeps one, DMX_TEACHER_CACHE_ROOM before anything is computed,
 * DMX_CASE_UNUSABLE, errors of the teacher, the reason of `signal`.
 */
export async function fillTeacherCaches(options: TeacherCacheOptions): Promise<readonly TeacherCacheReport[]> {
  const { host, directory, workers: count, signal } = options;
  const run = host.createRun({ id: 'teacher-cache', directory });
  const [bound] = await run.resolve('dataset');
  const dataset = bound!.value;
  const { preprocessing, workerSource, splits } = dataset;
  const classCount = dataset.classes.length;
  const source = { reader: dataset, workerSource, preprocessing, classCount, cache: dataset.cache ?? null };
  const workers = createCaseWorkers(source, count);
  run.onDispose('loader', () => workers.dispose());
  // Each volume is asked for once.
  const store = createCaseStore({ workers, hook: run.hooks.datasetSample, run: run.info, limit: 0 });
  const volume = trainingVolumes(store, dataset);
  const teachers = await run.resolve('teacher');
  const reports: TeacherCacheReport[] = [];
  for (const { id, plugin, value } of teachers) {
    const key = `teacher:${id}`;
    const open = async () =>
      value.openCacheFill?.({
        splits,
        normalisation: preprocessing.normalisation,
        patch: run.config.train.patch,
        cacheDirectory: teacherCacheFolder(directory, id),
        volume,
        workers: count,
        signal,
      });
    const fill = await guardedAsync({ key, plugin }, 'plan its cache', null, open).catch((thrown: unknown) => {
      throw signal.aborted ? signal.reason : thrown;
    });
    if (fill == null) continue;
    try {
      reports.push(await fillOne(key, fill, options));
    } finally {
      await fill.dispose();
    }
  }
  if (reports.length === 0) throw trainerError('DMX_TEACHER_CACHE', { teachers: teachers.map(({ id }) => id) });
  return reports;
}
