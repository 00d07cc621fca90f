import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { CaseRole, Dataset } from '@dinomix/core';
import { writeFileAtomic } from '@dinomix/volume';
import { trainerError } from '../errors.js';
import { createCaseWorkers } from '../loader/case-workers.js';
import { type CasePlace, casesOf, eachCase } from './each-case.js';
import type { StoredState } from './prepare-stored.js';

/** A case that was prepared, or that could not be. */
export interface PreparedEntry {
  readonly caseId: string;
  readonly role: CaseRole;
  readonly state: StoredState | 'failed';
  /** Why it failed; null otherwise. */
  readonly reason: string | null;
}

/** What a preparation did. */
export interface PreparationReport {
  readonly folder: string;
  readonly total: number;
  /** In the order of the splits. */
  readonly cases: readonly PreparedEntry[];
}

/** What {@link prepareDataset} takes. */
export interface PreparationOptions {
  /** Worker threads; 0 works in the calling thread. */
  readonly workers: number;
  /** Goes on with the other cases where one cannot be prepared. */
  readonly keepGoing: boolean;
  readonly signal: AbortSignal;
  /** Called after each case, in the order in which they are done. */
  readonly onCase: (entry: PreparedEntry, done: number, total: number) => void;
}

/** Name of the file that tells what a folder of prepared volumes holds and what it left out. */
export const PREPARATION_FILE = 'prepared.json';

/**
 * Prepares every case of the splits and keeps it in the folder of the data set. What is there and still holds is left as it
 * is, so that an interrupted preparation goes on where it was; a case whose file has changed since is prepared again.
 * @throws DMX_PREPARE_CACHE when the data set has no such folder, DMX_CASE_UNUSABLE unless `keepGoing`, the reason of `signal`.
 */
export async function prepareDataset(dataset: Dataset, options: PreparationOptions): Promise<PreparationReport> {
  const { cache, preprocessing, workerSource, classes } = dataset;
  if (cache == null || dataset.identify === undefined)
    throw trainerError('DMX_PREPARE_CACHE', { title: dataset.title });
  const source = { reader: dataset, workerSource, preprocessing, classCount: classes.length, cache };
  const workers = createCaseWorkers(source, options.workers);
  const todo = casesOf(dataset);
  let entries: readonly PreparedEntry[];
  let done = 0;
  try {
    await mkdir(cache, { recursive: true });
    entries = await eachCase(todo, options.workers, options.signal, async (place) => {
      const entry = await prepareOne(workers, place, options.keepGoing);
      options.onCase(entry, ++done, todo.length);
      return entry;
    });
  } finally {
    await workers.dispose();
  }
  const report: PreparationReport = { folder: cache, total: todo.length, cases: entries };
  const record = { title: dataset.title, preprocessing, ...report };
  await writeFileAtomic(join(cache, PREPARATION_FILE), `${JSON.stringify(record, null, 2)}\n`);
  return report;
}

async function prepareOne(
  workers: ReturnType<typeof createCaseWorkers>,
  { caseId, role }: CasePlace,
  keepGoing: boolean,
): Promise<PreparedEntry> {
  try {
    return { caseId, role, state: await workers.store(caseId, role), reason: null };
  } catch (thrown) {
    if (!keepGoing) throw thrown;
    const reason = thrown instanceof Error && 'why' in thrown ? String(thrown.why) : String(thrown);
    return { caseId, role, state: 'failed', reason };
  }
}
