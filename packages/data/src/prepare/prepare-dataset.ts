import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type AbsentCase, type CaseRole, type Dataset, isDmxError, reasonOf } from '@dinomix/core';
import { clearTemporaryFiles, makeFolder, type ProcessIdentity, writeFileAtomic } from '@dinomix/volume';
import { dataError } from '../errors.js';
import { lockFolder, waitText } from '../folder-lock.js';
import type { CaseSource } from '../loader/case-source.js';
import { createCaseWorkers } from '../loader/case-workers.js';
import { type CasePlace, casesOf, eachCase } from './each-case.js';
import type { StoredState } from './prepare-stored.js';

/** A case that was prepared, or one that was left out: `failed` cannot be read or prepared, `absent` lacks a file. */
export interface PreparedEntry {
  readonly caseId: string;
  /** Null where a case was left out that has a file and stands in no part of the split. */
  readonly role: CaseRole | null;
  readonly state: StoredState | 'failed' | 'absent';
  /** What an absent case has of files, or the split or folder where it lacks one; otherwise `reason` names the file. */
  readonly file: string | null;
  /** Why it was left out, and what can be done; null for a case that was prepared. */
  readonly reason: string | null;
  readonly fix: string | null;
}

/** What a preparation did. */
export interface PreparationReport {
  readonly folder: string;
  readonly total: number;
  /** The absent ones, then the others in the order of the splits. */
  readonly cases: readonly PreparedEntry[];
}

/** What {@link prepareDataset} takes. */
export interface PreparationOptions {
  /** Worker threads; 0 works in the calling thread. */
  readonly workers: number;
  /** Goes on with the other cases where one lacks a file or cannot be prepared. */
  readonly keepGoing: boolean;
  readonly signal: AbortSignal;
  /** Called once where another process prepares into the same folder; this one then waits for it. */
  readonly onWait?: (message: string) => void;
  /** Called after each case, in the order in which they are done. */
  readonly onCase: (entry: PreparedEntry, done: number, total: number) => void;
}

/** Name of the file that tells what a folder of prepared volumes holds and what it left out. */
export const PREPARATION_FILE = 'prepared.json';

/**
 * Prepares every case of the splits and keeps it in the folder of the data set. What is there and still holds is left as it
 * is, so that an interrupted preparation goes on where it was; a case whose file has changed since is prepared again. Of two
 * preparations into one folder the second waits, and finds the work of the first.
 * @throws DmxError: DMX_PREPARE_WRITE, VolumeError `DMX_FOLDER`, DMX_PREPARE_CACHE when the data set has no such folder, DMX_CASE_UNUSABLE unless `keepGoing`, the reason of
 * `signal`, errors of the data set; with `keepGoing` none that says that cases lack files.
 */
export async function prepareDataset(given: Dataset, options: PreparationOptions): Promise<PreparationReport> {
  const { dataset, absent } = presentPart(given, options.keepGoing);
  const { cache, preprocessing, workerSource, classes } = dataset;
  if (cache == null || dataset.identify === undefined) throw dataError('DMX_PREPARE_CACHE', { title: dataset.title });
  const source = { reader: dataset, workerSource, preprocessing, classCount: classes.length, cache };
  await makeFolder(cache);
  const lock = join(cache, '.prepare.lock');
  const onBusy = (holder: ProcessIdentity) => options.onWait?.(waitText(cache, lock, holder));
  const unlock = await lockFolder(lock, { onBusy, signal: options.signal });
  try {
    return await prepareLocked(dataset, absent, { ...source, cache }, options);
  } finally {
    await unlock();
  }
}

async function prepareLocked(
  dataset: Dataset,
  absent: readonly AbsentCase[],
  source: CaseSource & { readonly cache: string },
  options: PreparationOptions,
): Promise<PreparationReport> {
  const { cache } = source;
  await clearTemporaryFiles(cache);
  // It tells of the whole folder, and would be wrong from the first case on.
  await rm(join(cache, PREPARATION_FILE), { force: true });
  const workers = createCaseWorkers(source, options.workers);
  const todo = casesOf(dataset);
  const total = absent.length + todo.length;
  const leftOut = absent.map(absentEntry);
  let entries: readonly PreparedEntry[];
  let done = 0;
  try {
    for (const entry of leftOut) options.onCase(entry, ++done, total);
    entries = await eachCase(todo, options.workers, options.signal, async (place) => {
      const entry = await prepareOne(workers, place, options.keepGoing);
      options.onCase(entry, ++done, total);
      return entry;
    });
  } finally {
    await workers.dispose();
  }
  const report: PreparationReport = { folder: cache, total, cases: [...leftOut, ...entries] };
  const record = { title: dataset.title, preprocessing: dataset.preprocessing, ...report };
  await writeFileAtomic(join(cache, PREPARATION_FILE), `${JSON.stringify(record, null, 2)}\n`);
  return report;
}

/** The data set itself, or what of it has files where it may be used in part. */
function presentPart(
  dataset: Dataset,
  keepGoing: boolean,
): { readonly dataset: Dataset; readonly absent: readonly AbsentCase[] } {
  return (keepGoing ? dataset.withoutAbsent?.() : undefined) ?? { dataset, absent: [] };
}

function absentEntry({ caseId, role, file, message, fix }: AbsentCase): PreparedEntry {
  return { caseId, role, state: 'absent', file, reason: message, fix };
}

async function prepareOne(
  workers: ReturnType<typeof createCaseWorkers>,
  { caseId, role }: CasePlace,
  keepGoing: boolean,
): Promise<PreparedEntry> {
  try {
    return { caseId, role, state: await workers.store(caseId, role), file: null, reason: null, fix: null };
  } catch (thrown) {
    const isFolder = isDmxError(thrown) && thrown.code === 'DMX_PREPARE_WRITE';
    if (!keepGoing || isFolder) throw thrown;
    const [reason, fix] = isDmxError(thrown) ? [thrown.why, thrown.fix] : [reasonOf(thrown), null];
    return { caseId, role, state: 'failed', file: null, reason, fix };
  }
}
