import type { CaseData, CaseReader, CaseRole, Preprocessing } from '@dinomix/core';
import { extremes } from './normalise.js';
import { type PreparedCase, prepareCase } from './prepare-case.js';
import { preparedFile, readPrepared, roundToStored, sameDigests, writePrepared } from './prepared-file.js';

/** How cases are prepared, and where they are kept. */
export interface StoreSettings {
  readonly preprocessing: Preprocessing;
  readonly classCount: number;
  /** Folder of prepared files; null keeps none. */
  readonly cache: string | null;
}

/** What was found: `kept` a file that still holds; `made` none; `changed` one whose source is another by now. */
export type StoredState = 'kept' | 'made' | 'changed';

/** A case and where it came from. */
export interface StoredCase {
  readonly prepared: PreparedCase;
  readonly state: StoredState;
}

/**
 * @throws Error when the network would see one value everywhere: nothing can be learned from such a case or measured on it.
 */
function assertVaries(
  { image: prepared }: PreparedCase,
  { image, files }: CaseData,
  { normalisation }: Preprocessing,
): void {
  if (prepared.some((value) => value !== prepared[0])) return;
  const [low, high] = extremes(image.data);
  const steps = normalisation.steps.map(({ kind }) => kind).join(', ');
  throw new Error(
    low === high
      ? `${files.image}: its intensity is ${low} everywhere`
      : `${files.image}: its intensities, ${low} to ${high}, are one value after the preparation (${steps}): are they in the unit that it expects, such as HU?`,
  );
}

/**
 * Returns a case from its prepared file, or prepares it and writes the file. Intensities are those of the file, float16, in
 * either case. Without a cache, or for a data set that does not identify its cases, nothing is written or rounded.
 * @throws PreparedWriteError; Error of the reader, when the network would see one value everywhere, or when a file of the case
 * changed while it was read.
 */
export async function prepareStored(
  reader: CaseReader,
  caseId: string,
  role: CaseRole,
  settings: StoreSettings,
): Promise<StoredCase> {
  const { cache, preprocessing, classCount } = settings;
  const prepare = async () => {
    const data = await reader.readCase(caseId, role);
    const prepared = prepareCase(data, preprocessing, classCount);
    assertVaries(prepared, data, preprocessing);
    return prepared;
  };
  if (cache === null || reader.identify === undefined) return { prepared: await prepare(), state: 'made' };
  const identity = await reader.identify(caseId, role);
  const file = preparedFile(cache, caseId, role, { preprocessing, classCount, reading: identity.reading });
  const kept = await readPrepared(file, caseId, role);
  if (kept?.made.stamp === identity.stamp) return { prepared: kept.prepared, state: 'kept' };
  const digests = await identity.digests();
  const made = { stamp: identity.stamp, digests };
  if (kept !== null && sameDigests(kept.made.digests, digests)) {
    await writePrepared(file, kept.prepared, roundToStored(kept.prepared.image), made);
    return { prepared: kept.prepared, state: 'kept' };
  }
  const prepared = await prepare();
  if ((await reader.identify(caseId, role)).stamp !== identity.stamp) {
    throw new Error(`a file of case "${caseId}" was changed while it was read; try again when nothing writes to it`);
  }
  // The caller refuses such a case; its label must not be kept either.
  if (role === 'unlabelled' && prepared.label !== null) return { prepared, state: 'made' };
  await writePrepared(file, prepared, roundToStored(prepared.image), made);
  return { prepared, state: kept === null ? 'made' : 'changed' };
}
