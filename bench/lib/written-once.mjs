import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** A folder of files that take long to make, in the cache of the user: `write` fills it where it is not there. */
export async function writtenOnce(name, note, what, write) {
  const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'dinomix', name);
  if (existsSync(folder)) return folder;
  note(`writing ${what} to ${folder} (once)`);
  const temporary = `${folder}.${process.pid}`;
  mkdirSync(temporary, { recursive: true });
  try {
    await write(temporary);
    renameSync(temporary, folder);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return folder;
}
