import { existsSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { DataProblem } from '@dinomix/core';
import { errorOf, warningOf } from '../../check/problems.js';
import { volumeStem } from '../unread-entries.js';

/** The files that dataset.json lists. */
export interface ListedFiles {
  /** File names of the images that `training` lists, without folder. */
  readonly listed: readonly string[];
}

type Raw = Readonly<Record<string, unknown>>;

const NAMED_AT_MOST = 3;

function isRecord(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** Entries are image paths, or objects of image and label. */
function pathsOf(list: unknown): readonly { readonly image: string | null; readonly label: string | null }[] {
  return (Array.isArray(list) ? list : []).map((entry: unknown) =>
    isRecord(entry)
      ? { image: textOf(entry.image), label: textOf(entry.label) }
      : { image: textOf(entry), label: null },
  );
}

/** The part of a path that is looked at: Windows writes backslashes. */
function plain(path: string): string {
  return path.replaceAll('\\', '/');
}

/** Whether a path that a document gives leads to the folder whose files are read, or names the file alone. */
function leadsTo(path: string, folder: string, root: string): boolean {
  const given = plain(path);
  if (!given.includes('/')) return true;
  const file = resolve(root, given);
  if (dirname(file) === join(root, folder)) return true;
  // Where the data set was on the machine of whoever wrote the document.
  const isElsewhere = isAbsolute(given) || /^[A-Za-z]:\//.test(given);
  return isElsewhere && basename(dirname(given)) === folder && !existsSync(dirname(given));
}

/** The folder that a path names, from the root where it lies below it. */
function folderOf(path: string, root: string): string {
  const folder = dirname(resolve(root, plain(path)));
  const inside = relative(root, folder);
  return inside.startsWith('..') || isAbsolute(inside) ? folder : `.${sep}${inside}`;
}

function examples(paths: readonly string[]): string {
  return paths.slice(0, NAMED_AT_MOST).join(', ') + (paths.length > NAMED_AT_MOST ? ', ...' : '');
}

function stemOf(path: string): string {
  const name = plain(path).split('/').at(-1)!;
  return volumeStem(name) ?? name;
}

/** Whether a label is that of an image by their names, which may end in the channel. */
function arePartners(image: string, label: string): boolean {
  const [of, given] = [stemOf(image), stemOf(label)];
  return of === given || of.replace(/_\d{4}$/, '') === given;
}

function elsewhere(key: string, kind: string, paths: readonly string[], folder: string, root: string, file: string) {
  const others = paths.filter((path) => !leadsTo(path, folder, root));
  if (others.length === 0) return [];
  const from = [...new Set(others.map((path) => folderOf(path, root)))];
  const message = `"${key}" names ${others.length} ${kind} in ${examples(from)}, such as ${others[0]}; those of ${folder} would be read`;
  const fix = `move them to ${join(root, folder)}, or take them out of the list where ${folder} has the right ones`;
  return [{ file, message, fix }];
}

/**
 * Reads the lists of files. What they say and the layout does not follow is a problem: files are found by their folders
 * and names.
 */
export function readListedFiles(raw: Raw, root: string, file: string, problems: DataProblem[]): ListedFiles {
  const training = pathsOf(raw.training);
  const images = training.flatMap(({ image }) => image ?? []);
  const labels = training.flatMap(({ label }) => label ?? []);
  const crossed = training.filter(({ image, label }) => image !== null && label !== null && !arePartners(image, label));
  problems.push(...elsewhere('training', 'images', images, 'imagesTr', root, file).map(errorOf));
  problems.push(...elsewhere('training', 'labels', labels, 'labelsTr', root, file).map(errorOf));
  if (crossed.length > 0) {
    const pairs = examples(crossed.map(({ image, label }) => `${image} and ${label}`));
    const message = `"training" gives ${crossed.length} images labels of another name: ${pairs}`;
    problems.push(errorOf({ file, message, fix: 'rename the labels as the images; pairs are found by their names' }));
  }
  if (raw.dataset !== undefined) {
    const message = 'has the key "dataset", which names the files of each case; it is not followed';
    const fix = 'put the files, or links to them, into imagesTr and labelsTr, and take the key out';
    problems.push(errorOf({ file, message, fix }));
  }
  const test = pathsOf(raw.test);
  const tested = test.flatMap(({ image }) => image ?? []);
  problems.push(...elsewhere('test', 'images', tested, 'imagesTs', root, file).map(warningOf));
  const validation = pathsOf(raw.validation);
  if (validation.length > 0) {
    const message = `"validation" lists ${validation.length} images, which are not read`;
    const fix = 'put them into imagesTr, and name them in the part "validation" of a split file (option "split")';
    problems.push(warningOf({ file, message, fix }));
  }
  return { listed: images.map((image) => plain(image).split('/').at(-1)!) };
}
