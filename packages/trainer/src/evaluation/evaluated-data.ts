import type { Dataset, EvaluatedData } from '@dinomix/core';
import { preparedDigests } from '@dinomix/data/prepare';

/** Tells which files a split was evaluated on, as they are now: labels may have been corrected since the training began. */
export async function evaluatedData(dataset: Dataset, role: 'validation' | 'test'): Promise<EvaluatedData> {
  const { digest, cases } = await dataset.fingerprint(preparedDigests(dataset));
  const known = dataset.splits[role].flatMap((id) => (cases[id] === undefined ? [] : [[id, cases[id]] as const]));
  return { digest, cases: Object.fromEntries(known) };
}
