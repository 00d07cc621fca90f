import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../test/fixtures.js';
import { writeFileAtomic } from './atomic.js';
import { clearTemporaryFiles, temporaryPath } from './temporary-files.js';

const temporary = await temporaryFolder();

/** The number of a process that has ended. */
const ended = spawnSync(process.execPath, ['-e', '']).pid;
const tag = (host: string) => createHash('sha256').update(host).digest('hex').slice(0, 8);

async function folderWith(name: string, files: readonly string[]): Promise<string> {
  const folder = temporary(name);
  await mkdir(folder);
  for (const file of files) await writeFile(`${folder}/${file}`, 'half');
  return folder;
}

const OWN = tag(hostname());
const LEFT = `.a.nii.gz.${ended}-123-${OWN}.0123abcd.tmp`;
const LEFT_BY_ITK = `.a.${ended}-x-${OWN}.0123abcd.tmp.nrrd`;
// The number was given to another process, which began at another time: this one.
const REUSED = `.b.${process.pid}-1-${OWN}.0123abcd.tmp`;
const ELSEWHERE = `.c.${ended}-123-${tag('another machine')}.0123abcd.tmp`;
const OTHERS = ['.hidden.tmp', 'x.tmp', 'notes.txt'];

it('those of processes that have ended go, all others stay', async () => {
  const mine = basename(await temporaryPath('x.json'));
  const folder = await folderWith('left', [LEFT, LEFT_BY_ITK, REUSED, ELSEWHERE, mine, ...OTHERS]);
  await clearTemporaryFiles(folder);
  expect((await readdir(folder)).sort()).toEqual([ELSEWHERE, mine, ...OTHERS].sort());
  await clearTemporaryFiles(temporary('not there'));
});

it('go when the next process writes a file there', async () => {
  const folder = await folderWith('next', [LEFT]);
  await writeFileAtomic(`${folder}/a.nii.gz`, 'whole');
  expect(await readdir(folder)).toEqual(['a.nii.gz']);
});

it('have names that fit where those of their files do', async () => {
  const longest = 'ä'.repeat(125);
  const path = await temporaryPath(temporary(longest), '.nrrd');
  expect(Buffer.byteLength(basename(path))).toBeLessThanOrEqual(255);
  expect(basename(path)).not.toContain('\ufffd');
  await writeFileAtomic(temporary(longest), 'whole');
});
