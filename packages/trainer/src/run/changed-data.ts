import { join } from 'node:path';
import type { CaseDigests, DatasetFacts } from '@dinomix/core';
import { readRegularFile } from '@dinomix/volume';
import { z } from 'zod';
import type { CheckpointState } from '../checkpoint/state.js';
import { RECORD_FILE } from './record-file.js';

const digests = z.object({ image: z.string(), label: z.string().nullable() });
const recordSchema = z.object({
  dataset: z.object({ fingerprint: z.object({ digest: z.string(), cases: z.record(z.string(), digests) }) }),
});

/** Digests of the cases as the record has them; null where it tells nothing of the data that the checkpoint was made of. */
async function recordedCases(directory: string, digest: string): Promise<Readonly<Record<string, CaseDigests>> | null> {
  try {
    const text = await readRegularFile(join(directory, RECORD_FILE), 'utf8');
    const { fingerprint } = recordSchema.parse(JSON.parse(text)).dataset;
    return fingerprint.digest === digest ? fingerprint.cases : null;
  } catch {
    return null;
  }
}

/**
 * Tells of data that are not those that a checkpoint was trained on, so that the run will not be what it would have been.
 * @returns null where nothing changed.
 */
export async function changedData(
  directory: string,
  { run }: CheckpointState,
  { fingerprint }: DatasetFacts,
): Promise<string | null> {
  if (run.dataDigest === fingerprint.digest) return null;
  const before = await recordedCases(directory, run.dataDigest);
  const changed = Object.entries(fingerprint.cases).flatMap(([caseId, { image, label }]) => {
    const old = before?.[caseId];
    return before === null || (old?.image === image && old.label === label) ? [] : [caseId];
  });
  const some = changed.slice(0, 5).map((caseId) => `"${caseId}"`);
  const which =
    changed.length === 0 ? '' : ` of ${some.join(', ')}${changed.length > 5 ? ` and ${changed.length - 5} more` : ''}`;
  return (
    `The images or labels${which} changed since the last checkpoint: the run goes on with other data than it began with, and ` +
    'its results are those of neither. Put the files back, or start a new run.'
  );
}
