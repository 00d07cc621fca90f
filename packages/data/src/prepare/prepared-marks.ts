import type { CaseIdentity, CaseRole, DataProblem, Dataset, Index3, KnownDigests } from '@dinomix/core';
import { openSealed } from '@dinomix/volume';
import { casesOf } from './each-case.js';
import { preparedFile, sameDigests } from './prepared-file.js';
import { parseGeometry, parseMark } from './prepared-schema.js';

/** An entry of the header of a prepared file; null where there is none that is whole. The voxels are not read. */
async function readEntry<E>(path: string, name: string, parse: (text: string) => E): Promise<E | null> {
  try {
    const file = await openSealed(path);
    try {
      const text = file.metadata[name];
      return text === undefined ? null : parse(text);
    } finally {
      await file.close();
    }
  } catch {
    return null;
  }
}

function fileOf(dataset: Dataset, cache: string, caseId: string, role: CaseRole, { reading }: CaseIdentity): string {
  const { preprocessing, classes } = dataset;
  return preparedFile(cache, caseId, role, { preprocessing, classCount: classes.length, reading });
}

/** What a prepared file says it was made from. */
function markOf(dataset: Dataset, cache: string, caseId: string, role: CaseRole, identity: CaseIdentity) {
  const file = fileOf(dataset, cache, caseId, role, identity);
  return { file, mark: readEntry(file, 'made', parseMark) };
}

/** Voxels `[d, h, w]` of a prepared case by the header of its file; null where it was not prepared. */
export async function preparedShape(dataset: Dataset, caseId: string, role: CaseRole): Promise<Index3 | null> {
  if (dataset.cache == null || dataset.identify === undefined) return null;
  const identity = await dataset.identify(caseId, role).catch(() => null);
  if (identity === null) return null;
  const file = fileOf(dataset, dataset.cache, caseId, role, identity);
  return (await readEntry(file, 'geometry', parseGeometry))?.grid.shape ?? null;
}

/** Takes the digests of files that have not changed since they were prepared from the prepared files. */
export function preparedDigests(dataset: Dataset): KnownDigests {
  return async (caseId, role, identity) => {
    if (dataset.cache == null) return null;
    const mark = await markOf(dataset, dataset.cache, caseId, role, identity).mark;
    return mark?.stamp === identity.stamp ? mark.digests : null;
  };
}

/**
 * Tells of prepared files whose image or label is another by now. Cases that were never prepared are no problem, and files
 * that cannot be read are told of by the check of the data set itself.
 */
export async function* stalePrepared(dataset: Dataset): AsyncGenerator<DataProblem> {
  const { cache } = dataset;
  if (cache == null || dataset.identify === undefined) return;
  for (const { caseId, role } of casesOf(dataset)) {
    const identity = await dataset.identify(caseId, role).catch(() => null);
    if (identity === null) continue;
    const { file, mark: reading } = markOf(dataset, cache, caseId, role, identity);
    const mark = await reading;
    if (mark === null || mark.stamp === identity.stamp) continue;
    const digests = await identity.digests().catch(() => null);
    if (digests === null || sameDigests(mark.digests, digests)) continue;
    const message = 'was prepared from an image or label that has changed since';
    const fix = 'run "dinomix data prepare" again; otherwise the next training prepares it while it starts';
    yield { severity: 'warning', file, caseId, message, fix };
  }
}
