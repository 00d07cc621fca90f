import { readdir } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { type DataProblem, reasonOf } from '@dinomix/core';
import { type CaseFiles, entriesIn, errorOf, type FolderEntry, scanPairs, unreadProblems } from '@dinomix/data';

/** A folder of arrays and its cases in the order of their ids. */
export interface ArrayStore {
  readonly kind: 'npy' | 'h5';
  /** Absolute. */
  readonly folder: string;
  readonly cases: readonly CaseFiles[];
  readonly problems: readonly DataProblem[];
  /** Whether every name ends in `.npy.h5`, as those of TransUNet's volumes do. */
  readonly isTransUnet: boolean;
}

/** What was found: one store, or why there is none to take. */
export interface StoreSearch {
  readonly store: ArrayStore | null;
  readonly problems: readonly DataProblem[];
}

// A leading point is that of files which macOS leaves behind (`._0001.h5`).
const IMAGE = /^([^.].*)_image\.npy$/;
const LABEL = /^([^.].*)_label\.npy$/;
const H5 = /^([^.].*?)(?:\.npy)?\.h5$/;
// UA-MT's left atria: one folder a case.
const CASE_FILE = 'mri_norm2.h5';

async function npyStore(folder: string): Promise<ArrayStore> {
  const names = { image: IMAGE, label: LABEL, endings: ['.npy'] };
  const scan = await scanPairs([{ images: folder, labels: folder, isTest: false }], names);
  return { kind: 'npy', folder, isTransUnet: false, ...scan };
}

function h5Store(folder: string, files: readonly (readonly [id: string, file: string])[]): ArrayStore {
  const problems: DataProblem[] = [];
  const cases = new Map<string, CaseFiles>();
  for (const [id, file] of files) {
    const first = cases.get(id);
    if (first === undefined) cases.set(id, { id, image: file, label: file, isTest: false });
    else
      problems.push(errorOf({ file, caseId: id, message: `is case "${id}", as is ${first.image}`, fix: 'remove one' }));
  }
  const sorted = [...cases.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  const isTransUnet = files.every(([, file]) => file.endsWith('.npy.h5'));
  return { kind: 'h5', folder, cases: sorted, problems, isTransUnet };
}

async function subfoldersOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  // A link to a folder is one too; that it is none shows when it is read.
  return entries
    .filter((entry) => (entry.isDirectory() || entry.isSymbolicLink()) && !entry.name.startsWith('.'))
    .map(({ name }) => name)
    .sort();
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return readdir(folder).then(
    (names) => names.sort(),
    () => [],
  );
}

/** The h5 files of a folder, and what lies there and is not read though it looks like a file of a case. */
async function h5Files(folder: string) {
  const problems: DataProblem[] = [];
  const files: (readonly [id: string, file: string])[] = [];
  const rest: FolderEntry[] = [];
  for (const entry of (await entriesIn(folder, problems)) ?? []) {
    const id = H5.exec(entry.name)?.[1];
    if (id !== undefined && entry.kind === 'file') {
      if (entry.name !== CASE_FILE) files.push([id, entry.file]);
    } else if (/\.(?:h5|hdf5)$/i.test(entry.name)) rest.push(entry);
  }
  const known = new Set(files.map(([id]) => id));
  const unread = unreadProblems(rest, {
    kind: 'image',
    endings: ['.h5'],
    caseOf: (stem) => stem.replace(/\.npy$/, ''),
    has: (id) => known.has(id),
    fixOf: (_, stem) => `rename it to ${stem}.h5`,
  });
  return { files, problems: [...problems, ...unread] };
}

async function caseFolders(folder: string): Promise<(readonly [id: string, file: string])[]> {
  const found: (readonly [string, string])[] = [];
  for (const id of await subfoldersOf(folder)) {
    const names = await namesIn(join(folder, id));
    if (names.includes(CASE_FILE)) found.push([id, join(folder, id, CASE_FILE)]);
  }
  return found;
}

async function storesIn(folder: string): Promise<ArrayStore[]> {
  const names = await namesIn(folder);
  const stores: ArrayStore[] = [];
  if (names.some((name) => IMAGE.test(name))) stores.push(await npyStore(folder));
  const { files, problems } = await h5Files(folder);
  if (files.length > 0) {
    const store = h5Store(folder, files);
    stores.push({ ...store, problems: [...problems, ...store.problems] });
  }
  return stores;
}

async function search(root: string, folder: string | null): Promise<ArrayStore[]> {
  if (folder !== null) return storesOf(isAbsolute(folder) ? folder : join(root, folder));
  const stores = await storesOf(root);
  for (const name of await subfoldersOf(root)) stores.push(...(await storesOf(join(root, name))));
  return stores;
}

async function storesOf(folder: string): Promise<ArrayStore[]> {
  const stores = await storesIn(folder);
  const files = await caseFolders(folder).catch(() => []);
  return files.length === 0 ? stores : [...stores, h5Store(folder, files)];
}

/** Finds the arrays in a folder or in one of its subfolders. Opens no file. */
export async function findStore(root: string, folder: string | null): Promise<StoreSearch> {
  const fail = (message: string, fix: string): StoreSearch => ({
    store: null,
    problems: [errorOf({ file: root, message, fix })],
  });
  let stores: ArrayStore[];
  try {
    stores = await search(root, folder);
  } catch (error) {
    return fail(`cannot be read: ${reasonOf(error)}`, 'check the option "root"');
  }
  if (stores.length === 1) return { store: stores[0]!, problems: stores[0]!.problems };
  if (stores.length === 0) {
    const message = `has no file 0001_image.npy and none that ends in .h5${folder === null ? ', nor has a subfolder' : ` in ${folder}`}`;
    return fail(message, 'name the folder above "npy", or that of the .h5 files');
  }
  const found = stores.map((one) => `${one.folder} (${one.cases.length} cases as ${one.kind})`);
  return fail(
    `has arrays in several places: ${found.join(', ')}`,
    'choose one by the option "folder", and keep npy and h5 files in folders of their own',
  );
}
