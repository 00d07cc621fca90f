import { readdir, stat } from 'node:fs/promises';
import { basename, isAbsolute, join } from 'node:path';
import type { DataProblem } from '@dinomix/core';
import { errorOf, warningOf } from '@dinomix/data';
import { readRegularFile } from '@dinomix/volume';

type Kind = 'labelled' | 'unlabelled' | 'train' | 'validation' | 'test';

/** A file with one case id a line. */
export interface SplitList {
  readonly file: string;
  readonly kind: Kind;
  /** What tells lists of one kind apart: `20p` of `labeled_20p.txt`; null without. */
  readonly tag: string | null;
  readonly ids: readonly string[];
}

/** The lists of one folder. */
export interface ListSearch {
  readonly folder: string | null;
  readonly lists: readonly SplitList[];
  readonly problems: readonly DataProblem[];
}

// DHC and SKCDF: splits; A&D: split_txts and splits_txts; SSL4MIS and UA-MT: beside the folder of the arrays.
const FOLDERS = ['.', 'splits', 'split_txts', 'splits_txts'];
const NAMES: readonly (readonly [Kind, RegExp])[] = [
  ['labelled', /^labell?ed(?:_(.+))?$/],
  ['unlabelled', /^unlabell?ed(?:_(.+))?$/],
  ['train', /^train(?:ing)?$/],
  ['validation', /^(?:eval|val|validation)(?:_(.+))?$/],
  ['test', /^test$/],
];
const ENDING = /\.(?:txt|list)$/;
const LONGEST_LIST = 2 ** 20;

/** The ids of a list: lines may have a comment, further columns (BraTS) or the ending of a file (MagicNet). */
function idsOf(text: string): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.split(',')[0]!.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.replace(/(?:\.npy)?\.h5$|_image\.npy$|\.npy$/, ''));
}

function kindOf(name: string): readonly [Kind, tag: string | null] | null {
  if (!ENDING.test(name) || name.startsWith('.')) return null;
  const stem = name.replace(ENDING, '');
  for (const [kind, pattern] of NAMES) {
    const match = pattern.exec(stem);
    if (match !== null) return [kind, match[1] ?? null];
  }
  return null;
}

async function readList(file: string, kind: Kind, tag: string | null, problems: DataProblem[]): Promise<SplitList> {
  const { size } = await stat(file);
  if (size > LONGEST_LIST) {
    problems.push(errorOf({ file, message: `has ${size} bytes`, fix: 'a list has one case id a line' }));
    return { file, kind, tag, ids: [] };
  }
  const text = await readRegularFile(file, 'utf8').catch((error: Error) => {
    const fix = 'check that it is a file that may be read';
    problems.push(errorOf({ file, message: `cannot be read: ${error.message}`, fix }));
    return '';
  });
  const all = idsOf(text);
  const ids = [...new Set(all)];
  const twice = ids.filter((id) => all.indexOf(id) !== all.lastIndexOf(id));
  if (twice.length > 0) {
    const message = `names ${twice.length === 1 ? 'a case' : `${twice.length} cases`} twice: ${twice.join(' ')}`;
    problems.push(warningOf({ file, message, fix: 'keep one line of each' }));
  }
  return { file, kind, tag, ids };
}

async function listsIn(folder: string, problems: DataProblem[]): Promise<SplitList[]> {
  const names = await readdir(folder).catch(() => []);
  const lists: SplitList[] = [];
  for (const name of names.sort()) {
    const found = kindOf(name);
    if (found !== null) lists.push(await readList(join(folder, name), ...found, problems));
  }
  return lists;
}

/**
 * Finds the split lists of a folder of arrays: in the root, in `splits` and the like, or where `given` says.
 * @param stores - folder of the arrays, beside or in which lists may be too.
 */
export async function findLists(root: string, stores: string, given: string | null): Promise<ListSearch> {
  const problems: DataProblem[] = [];
  const near = [root, join(stores, '..'), stores].flatMap((base) => FOLDERS.map((name) => join(base, name)));
  const inRoot = near.filter((folder) => folder === root || folder.startsWith(join(root, '/')));
  const folders = given === null ? [...new Set(inRoot)] : [isAbsolute(given) ? given : join(root, given)];
  const found: { readonly folder: string; readonly lists: readonly SplitList[] }[] = [];
  for (const folder of folders) {
    const lists = await listsIn(folder, problems);
    if (lists.length > 0) found.push({ folder, lists });
  }
  if (found.length === 1) return { ...found[0]!, problems };
  const names = found.map(({ folder, lists }) => `${folder} (${lists.map(({ file }) => basename(file)).join(', ')})`);
  const [message, fix] =
    found.length === 0
      ? [
          'has no split lists such as labeled_20p.txt, unlabeled_20p.txt, train.list, eval.txt, test.txt',
          'name their folder by the option "lists", or take a published split or "drawn" by the option "split"',
        ]
      : [`has split lists in several places: ${names.join('; ')}`, 'choose one by the option "lists"'];
  problems.push(errorOf({ file: given === null ? root : folders[0]!, message, fix }));
  return { folder: null, lists: [], problems };
}
