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

/** The files of a folder, links to files included, hidden ones not, in the order of their names. */
export async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    const file = join(folder, entry.name);
    const isLinked = entry.isSymbolicLink() && (await stat(file).catch(() => null))?.isFile() === true;
    if (entry.isFile() || isLinked) found.push(file);
  }
  return found.sort();
}

/** What a header names as the file of its voxels; undefined where they follow it. */
function dataFileOf(file: string, text: string): string | undefined {
  if (/\.(mha|mhd)$/i.test(file)) return META_DATA.exec(text)?.[1]?.replace(/^LOCAL$/i, '') || undefined;
  // The header of NRRD ends with an empty line.
  return NRRD_DATA.exec(text.split(/\r?\n\r?\n/, 1)[0]!)?.[1];
}

/**
 * The files that the voxels behind a path come from: the slices of a folder, a header and the file beside it; all files of
 * the folder where a header names them by a list or a pattern.
 */
export async function filesBehind(path: string): Promise<readonly string[]> {
  if ((await stat(path)).isDirectory()) return filesIn(path);
  if (!/\.(mha|mhd|nrrd|nhdr)$/i.test(path)) return [path];
  const named = dataFileOf(path, await headerText(path));
  if (named === undefined) return [path];
  return /^LIST|%/.test(named) ? filesIn(dirname(path)) : [path, resolve(dirname(path), named)];
}
