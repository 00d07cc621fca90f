import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DmxError, reasonOf } from '@dinomix/core';
import { readRegularFile } from '@dinomix/volume';
import { z } from 'zod';
import { dataError } from '../errors.js';
import { PREPARATION_FILE } from './prepare-dataset.js';

/** Errors that say that a case of the split cannot be used. */
const CASE_CODES: readonly string[] = ['DMX_CASE_UNUSABLE', 'DMX_DATASET_UNUSABLE'];

// Some hundred bytes a case.
const LONGEST_RECORD = 2 ** 26;

const record = z.object({
  cases: z.array(z.object({ caseId: z.string(), role: z.string().nullable(), state: z.string() })),
});

/** The cases that the last preparation left out; none where its record is not there or is no such file. */
async function leftOutCases(file: string): Promise<readonly string[]> {
  try {
    if ((await stat(file)).size > LONGEST_RECORD) return [];
    const { cases } = record.parse(JSON.parse(await readRegularFile(file, 'utf8')));
    return cases.filter(({ state }) => state === 'failed' || state === 'absent').map(({ caseId }) => caseId);
  } catch {
    return [];
  }
}

/**
 * Adds to the error of a run that cannot use a case what the preparation in advance left out, and where that is recorded.
 * Other errors are returned as they are.
 * @param cacheOf - folder of prepared volumes; asked for errors about cases only.
 */
export async function withLeftOut(error: DmxError, cacheOf: () => Promise<string | null>): Promise<DmxError> {
  if (!CASE_CODES.includes(error.code)) return error;
  const cache = await cacheOf();
  if (cache === null) return error;
  const file = join(cache, PREPARATION_FILE);
  const cases = await leftOutCases(file);
  if (cases.length === 0) return error;
  const note = dataError('DMX_CASES_LEFT_OUT', { file, cases });
  const { code, problems } = error;
  const [summary, why, own] =
    problems.length > 0
      ? [error.summary, error.why, problems]
      : ['The data set cannot be used for this run', reasonOf(error), [error]];
  return new DmxError({ code, summary, why, fix: note.fix, problems: [...own, note], cause: error });
}
