import { open, readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

// Detached headers are some lines of text.
const LONGEST_HEADER = 2 ** 16;
const META_DATA = /^ElementDataFile\s*=\s*(.+?)\s*$/m;
const NRRD_DATA = /^data ?file:\s*(.+?)\s*$/im;

async function headerText(file: string): Promise<string> {
  const handle = await open(file, 'r');
  try {
    const bytes = Buffer.alloc(LONGEST_HEADER);
    const { bytesRead } = await handle.read(bytes, 0, LONGEST_HEADER, 0);
    return bytes.subarray(0, bytesRead).toString('latin1');
  } finally {
    await handle.close();
  }
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => join(folder, name))
    .sort();
}

/** Voxel files that a detached header names; all of its folder where it names them by a list or a pattern. */
async function detachedFiles(file: string, pattern: RegExp): Promise<string[]> {
  const named = pattern.exec(await headerText(file))?.[1];
  if (named === undefined || /^LOCAL$/i.test(named)) return [file];
  if (/^LIST|%/.test(named)) return filesIn(dirname(file));
  return [file, resolve(dirname(file), named)];
}

/** The files that the voxels behind a path come from: the slices of a folder, a header and the file beside it. */
export async function filesBehind(path: string): Promise<readonly string[]> {
  if ((await stat(path)).isDirectory()) return filesIn(path);
  if (/\.mhd$/i.test(path)) return detachedFiles(path, META_DATA);
  if (/\.nhdr$/i.test(path)) return detachedFiles(path, NRRD_DATA);
  return [path];
}
