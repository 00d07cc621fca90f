import { readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { headerText, nrrdHeader } from './header-text.js';

const META_DATA = /^ElementDataFile\s*=\s*(.+?)\s*$/m;
const NRRD_DATA = /^data ?file:\s*(.+?)\s*$/im;

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

/** What a header names as the file of its voxels, or a list or pattern of several; undefined where they follow it. */
export async function namedDataFile(file: string): Promise<string | undefined> {
  if (!/\.(mha|mhd)$/i.test(file)) return NRRD_DATA.exec(await nrrdHeader(file))?.[1];
  return META_DATA.exec(await headerText(file))?.[1]?.replace(/^LOCAL$/i, '') || undefined;
}

/**
 * The files that the voxels behind a path come from: the slices of a folder, a header and the file beside it; all files of
 * the folder where a header names them by a list or a pattern.
 */
export async function filesBehind(path: string): Promise<readonly string[]> {
  if ((await stat(path)).isDirectory()) return filesIn(path);
  if (!/\.(mha|mhd|nrrd|nhdr)$/i.test(path)) return [path];
  const named = await namedDataFile(path);
  if (named === undefined) return [path];
  return /^LIST|%/.test(named) ? filesIn(dirname(path)) : [path, resolve(dirname(path), named)];
}
