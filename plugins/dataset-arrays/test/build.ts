import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { DataProblem, Dataset } from '@dinomix/core';
import h5wasm from 'h5wasm/node';
import { openArraysDataset } from '../src/dataset.js';
import { type ArraysInput, optionsSchema } from '../src/options.js';

export const SHAPE = [4, 5, 6] as const;
const COUNT = SHAPE[0] * SHAPE[1] * SHAPE[2];

/** Intensities that follow from `seed`, in HU: those of two seeds differ. */
export function imageOf(seed: number): Float32Array {
  return Float32Array.from({ length: COUNT }, (_, index) => ((index * 37 + seed * 101) % 1400) - 1000);
}

/** The classes 0 to `classes` - 1 in turn. */
export function labelOf(classes: number): Int8Array {
  return Int8Array.from({ length: COUNT }, (_, index) => index % classes);
}

const CODES = new Map<string, string>([
  ['Float32Array', '<f4'],
  ['Float64Array', '<f8'],
  ['Int8Array', '|i1'],
  ['Int16Array', '<i2'],
  ['BigInt64Array', '<i8'],
]);

/** The bytes of an npy file, as numpy.save writes them. */
export function npyBytes(data: NodeJS.TypedArray, shape: readonly number[] = SHAPE): Buffer {
  const code = CODES.get(data.constructor.name);
  const text = `{'descr': '${code}', 'fortran_order': False, 'shape': (${shape.join(', ')}), }`;
  const header = `${text.padEnd(118 - 1)}\n`;
  const prefix = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, header.length, 0]);
  return Buffer.concat([prefix, Buffer.from(header), Buffer.from(data.buffer, data.byteOffset, data.byteLength)]);
}

/** Files below a new folder; returns its path. */
export async function folderOf(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'dinomix-arrays-'));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), content);
  }
  return root;
}

/** Pairs of npy files with names such as `npy/0001_image.npy`. */
export function npyPairs(ids: readonly string[], classes = 3, folder = 'npy/'): Record<string, Uint8Array> {
  return Object.fromEntries(
    ids.flatMap((id, index) => [
      [`${folder}${id}_image.npy`, npyBytes(imageOf(index))],
      [`${folder}${id}_label.npy`, npyBytes(labelOf(classes))],
    ]),
  );
}

/** Writes an h5 file with the given arrays of {@link SHAPE}. */
export async function writeH5(file: string, arrays: Readonly<Record<string, Float32Array | Int8Array>>): Promise<void> {
  await h5wasm.ready;
  await mkdir(dirname(file), { recursive: true });
  const out = new h5wasm.File(file, 'w');
  for (const [name, data] of Object.entries(arrays)) out.create_dataset({ name, data, shape: [...SHAPE] });
  out.close();
}

/** One id a line. */
export const lines = (...ids: readonly string[]) => `${ids.join('\n')}\n`;

/** A folder as DHC has it: four cases that train, one of them and a labelled list, one that validates, one that tests. */
export const DHC = {
  ...npyPairs(['0001', '0002', '0003', '0004', '0005', '0006']),
  'splits/train.txt': lines('0001', '0002', '0003', '0004'),
  'splits/labeled_20p.txt': lines('0002'),
  'splits/unlabeled_20p.txt': lines('0001', '0003', '0004'),
  'splits/eval.txt': lines('0005'),
  'splits/test.txt': lines('0006'),
};

/** Opens a data set of three classes. */
export function openOf(input: Partial<ArraysInput> & { readonly root: string }): Promise<Dataset> {
  return openArraysDataset(optionsSchema.parse({ classes: ['background', 'liver', 'spleen'], ...input }));
}

/** `severity file: message` of every problem, paths from the root. */
export async function reportOf(dataset: Dataset, root: string): Promise<string[]> {
  const found: DataProblem[] = [];
  for await (const problem of dataset.check()) found.push(problem);
  return found
    .filter(({ message }) => !message.includes('hold no spacing'))
    .map(({ severity, file, message }) => `${severity} ${file.replace(root, '.')}: ${message.replaceAll(root, '.')}`);
}
