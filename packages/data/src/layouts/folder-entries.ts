import { lstat, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataProblem } from '@dinomix/core';
import { reasonOf } from '@dinomix/core';
import { errorOf } from '../check/problems.js';

/** What a name in a folder stands for; links are followed. */
export interface FolderEntry {
  readonly name: string;
  /** Absolute. */
  readonly file: string;
  /** `nowhere`: a link whose target is not there. `other`: a pipe, socket or device. */
  readonly kind: 'file' | 'folder' | 'nowhere' | 'other';
}

// What Windows leaves behind; macOS's and everybody else's names begin with a point.
const LEFT_BEHIND = /^(?:\.|thumbs\.db$|desktop\.ini$)/i;

async function kindOf(file: string): Promise<FolderEntry['kind']> {
  try {
    const found = await stat(file);
    return found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'other';
  } catch {
    return 'nowhere';
  }
}

/**
 * The names in a folder in their order, hidden ones left out; null where there is no such folder. One that is there and cannot
 * be listed is a problem, not an empty folder.
 */
export async function entriesIn(folder: string, problems: DataProblem[]): Promise<readonly FolderEntry[] | null> {
  let found: readonly { readonly name: string; isFile(): boolean; isDirectory(): boolean }[];
  try {
    found = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    const isThere = await lstat(folder).then(
      () => true,
      () => false,
    );
    if (!isThere) return null;
    const fix = 'make it a folder that may be read, or a link to one';
    problems.push(errorOf({ file: folder, message: `cannot be listed: ${reasonOf(error)}`, fix }));
    return [];
  }
  const kept = found.filter(({ name }) => !LEFT_BEHIND.test(name)).sort((a, b) => (a.name < b.name ? -1 : 1));
  return Promise.all(
    kept.map(async (entry): Promise<FolderEntry> => {
      const file = join(folder, entry.name);
      const kind = entry.isFile() ? 'file' : entry.isDirectory() ? 'folder' : await kindOf(file);
      return { name: entry.name, file, kind };
    }),
  );
}
