import { statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** Bytes left on the disk of a folder that need not exist yet. */
export async function freeBytes(folder: string): Promise<number> {
  const path = resolve(folder);
  const found = await statfs(path).catch(() => null);
  if (found !== null) return found.bavail * found.bsize;
  return dirname(path) === path ? Number.POSITIVE_INFINITY : freeBytes(dirname(path));
}
