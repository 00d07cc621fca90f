import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect, it } from 'vitest';
import { expectFailure, temporaryFolder } from '../test/fixtures.js';
import { writeFileAtomic } from './atomic.js';

const temporary = await temporaryFolder();
const leftovers = async () => (await readdir(dirname(temporary('x')))).filter((name) => name.endsWith('.tmp'));

it('writes text, bytes and pieces', async () => {
  await writeFileAtomic(temporary('text'), 'größer');
  expect(await readFile(temporary('text'), 'utf8')).toBe('größer');
  await writeFileAtomic(temporary('text'), Uint8Array.of(1, 2, 3).subarray(1));
  expect([...(await readFile(temporary('text')))]).toEqual([2, 3]);
  async function* pieces() {
    yield Uint8Array.of(1);
    yield new Uint8Array(0);
    yield Uint8Array.of(2, 3);
  }
  await writeFileAtomic(temporary('text'), pieces());
  expect([...(await readFile(temporary('text')))]).toEqual([1, 2, 3]);
  expect(await leftovers()).toEqual([]);
});

it('keeps the old file and removes the temporary one if a piece fails', async () => {
  await writeFile(temporary('kept'), 'old');
  function* failing(error: Error) {
    yield Uint8Array.of(1);
    throw error;
  }
  await expect(writeFileAtomic(temporary('kept'), failing(new RangeError('no more')))).rejects.toThrow(RangeError);
  const diskFull = Object.assign(new Error('ENOSPC: no space left on device, write'), {
    code: 'ENOSPC',
    syscall: 'write',
  });
  const parts = ['kept', 'no space left', 'free disk space', 'is whole'];
  await expectFailure(() => writeFileAtomic(temporary('kept'), failing(diskFull)), 'DMX_FILE_WRITE', ...parts);
  expect(await readFile(temporary('kept'), 'utf8')).toBe('old');
  expect(await leftovers()).toEqual([]);
});

it('says what to do where the place is wrong', async () => {
  await expectFailure(() => writeFileAtomic(temporary('no/file'), ''), 'DMX_FILE_WRITE', 'create the folder');
  await mkdir(temporary('folder/inner'), { recursive: true });
  await expectFailure(() => writeFileAtomic(temporary('folder'), ''), 'DMX_FILE_WRITE', 'folder');
  expect(await leftovers()).toEqual([]);
});

it('lets two writers of one file both finish, one of them last', async () => {
  const texts = ['a'.repeat(1e6), 'b'.repeat(1e6)];
  await Promise.all(texts.map((text) => writeFileAtomic(temporary('both'), text)));
  expect(texts).toContain(await readFile(temporary('both'), 'utf8'));
});
