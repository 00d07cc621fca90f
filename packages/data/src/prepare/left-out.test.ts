import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dataError } from '../errors.js';
import { withLeftOut } from './left-out.js';

const unusable = dataError('DMX_CASE_UNUSABLE', { caseId: 'b', role: 'test', reason: 'it is cut off' });

async function cacheWith(record: string | null): Promise<string> {
  const cache = await mkdtemp(join(tmpdir(), 'dinomix-left-out-'));
  if (record !== null) await writeFile(join(cache, 'prepared.json'), record);
  return cache;
}

const entry = (caseId: string, state: string) => ({ caseId, role: null, state });
const recordOf = (...cases: object[]) => JSON.stringify({ cases });

test('an error about a case keeps its code and names what was left out, and where that is recorded', async () => {
  const cache = await cacheWith(recordOf(entry('a', 'made'), entry('b', 'failed'), entry('c', 'absent')));
  const error = await withLeftOut(unusable, async () => cache);
  expect(error).toMatchObject({ code: 'DMX_CASE_UNUSABLE', problems: [unusable, { code: 'DMX_CASES_LEFT_OUT' }] });
  expect(error.why).toContain('it is cut off');
  expect(error.message).toContain('left out 2 cases of this data set: "b", "c"');
  expect(error.message).toContain(join(cache, 'prepared.json'));
});

test.each([
  ['none', null],
  ['one of a whole preparation', recordOf(entry('b', 'kept'))],
  ['one that is cut off', recordOf(entry('b', 'failed')).slice(0, 20)],
  ['another file of that name', '{ "cases": 3 }'],
])('a record that is %s changes nothing', async (_, record) => {
  const cache = await cacheWith(record);
  expect(await withLeftOut(unusable, async () => cache)).toBe(unusable);
});

test('errors about other things, and data sets without a folder, are left alone', async () => {
  const other = dataError('DMX_SPLIT_EMPTY', { role: 'test', needed: 'n' });
  expect(await withLeftOut(other, () => Promise.reject(new Error('not asked')))).toBe(other);
  expect(await withLeftOut(unusable, async () => null)).toBe(unusable);
});
