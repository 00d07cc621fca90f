import { constants } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { reasonOf, VolumeError } from './errors.js';

/** What the system says, and what can be done about it. */
const PROBLEMS: Readonly<Record<string, readonly [problem: string, fix: string]>> = {
  EEXIST: ['is a file, and a folder is needed', 'name another folder, or move the file away'],
  ENOTDIR: ['a part of the path is a file', 'name a path of folders'],
  ENAMETOOLONG: ['the name is longer than the system takes', 'choose a shorter name'],
  EACCES: ['you may not write there', 'choose a folder that you may write to'],
  EPERM: ['you may not write there', 'choose a folder that you may write to'],
  ENOENT: ['the system makes no folder there', 'choose another folder'],
  EROFS: ['the disk is read-only', 'choose a folder on a writable disk'],
  ENOSPC: ['the disk is full', 'free disk space, or choose a folder on another disk'],
  EDQUOT: ['your share of the disk is used up', 'free some of it, or choose a folder on another disk'],
};

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** Node's own recursion never ends where the system denies that a folder is there which is, as below /proc. */
async function makeAll(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (thrown) {
    if (await isFolder(path)) return;
    const above = dirname(path);
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT' || above === path) throw thrown;
    await makeAll(above);
    // Another process may have been faster.
    await mkdir(path).catch(async (second: unknown) => {
      if (!(await isFolder(path))) throw second;
    });
  }
}

/**
 * Makes a folder with those above it, or finds it there, and makes sure that files can be written into it.
 * @throws VolumeError `DMX_FOLDER` saying what is in the way: a file, a name that is too long, no permission, a full disk.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await makeAll(path);
    await access(path, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    const [problem, fix] = PROBLEMS[code] ?? [reasonOf(cause), 'choose another folder'];
    throw new VolumeError('DMX_FOLDER', { file: path, problem, fix, cause });
  }
}
