import { stat } from 'node:fs/promises';
import { isDmxError, reasonOf } from '@dinomix/core';
import type { StoredArray } from '@dinomix/volume';
import { readRegularFile } from '@dinomix/volume';
import type { Dataset as H5Dataset, File as H5File, Metadata } from 'h5wasm';
import { fileError, volumeShape } from './errors.js';

/** A volume of an HDF5 file, as its header describes it. */
export interface H5Header {
  /** Element type by its numpy name. */
  readonly datatype: string;
  readonly shape: readonly [number, number, number];
}

// What HDF5 itself brings: deflate, shuffle, fletcher32, szip. For any other filter (h5py's lzf is 32000) the library gives
// uninitialised memory for elements, without an error.
const FILTERS = new Set([1, 2, 3, 4]);
// The memory of the library is that of wasm32, for the elements and a copy of them.
const MOST_BYTES = 2 ** 30;
const MOST_FILE_BYTES = 2 ** 31 - 1;
// deflate cannot make more of a byte.
const MOST_INFLATED = 1032;
const AGAIN = 'the file is cut off or damaged: fetch or write it again';

const [INTEGER, FLOAT, ENUM] = [0, 1, 8];

/** The last line of HDF5's error stack says what happened; the others say who called whom. */
function h5Reason(error: unknown): string {
  const lines = reasonOf(error)
    .split('\n')
    .filter((line) => /^\s*#\d+:/.test(line));
  return lines.at(-1)?.split('(): ').at(-1) ?? reasonOf(error);
}

function datatypeOf({ type, signed, size }: Metadata, file: string, name: string): string {
  if (type === ENUM && size === 1) return 'bool';
  if (type === INTEGER) return `${signed ? 'int' : 'uint'}${8 * size}`;
  if (type === FLOAT && (size === 4 || size === 8)) return `float${8 * size}`;
  const what = type === FLOAT ? `float${8 * size}` : `HDF5 class ${type}`;
  throw fileError(file, `"${name}" has elements of the type ${what}`, "write it as numbers: array.astype('float32')");
}

/** Whether a path leads to another file, or elsewhere in this one. */
function linkOf(file: H5File, name: string): string | null {
  const parts = name.split('/');
  for (const [index] of parts.entries()) {
    const path = parts.slice(0, index + 1).join('/');
    const external = file.get_external_link(path) as { readonly filename?: string };
    if (external.filename !== undefined) return external.filename;
    const target: unknown = file.get_link(path);
    if (typeof target === 'string') return target;
  }
  return null;
}

function checkStorage(dataset: H5Dataset, bytes: number, fileBytes: number, file: string, name: string): void {
  const { metadata, filters } = dataset;
  const unknown = filters.find(({ id }) => !FILTERS.has(id));
  if (unknown !== undefined) {
    const problem = `"${name}" is compressed with the filter ${unknown.name || 'of unknown name'} (${unknown.id})`;
    const fix = "write it again with h5py's compression='gzip', or with none; lzf, blosc and others are not read";
    throw fileError(file, problem, fix);
  }
  if ('virtual_sources' in metadata) {
    throw fileError(file, `"${name}" is put together from other files`, 'write it as one array into one file');
  }
  const most = metadata.chunks === null ? fileBytes : fileBytes * MOST_INFLATED;
  if (bytes <= Math.min(most, MOST_BYTES)) return;
  const shape = metadata.shape?.join(', ');
  const problem = `"${name}" announces [${shape}] elements, ${bytes} bytes; the file has ${fileBytes}, the limit is ${MOST_BYTES}`;
  throw fileError(file, problem, AGAIN);
}

function openDataset(opened: H5File, fileBytes: number, file: string, name: string): [H5Dataset, H5Header] {
  const names = opened.keys();
  const isThere = names.includes(name.split('/')[0]!);
  const link = isThere ? linkOf(opened, name) : null;
  if (link !== null) throw fileError(file, `"${name}" is a link to ${link}`, 'copy the array itself into the file');
  const found = isThere ? opened.get(name) : null;
  if (found === null || !('type' in found) || found.type !== 'Dataset') {
    const present = names.map((one) => `"${one}"`).join(', ') || 'nothing';
    const fix = 'name the arrays by the options "image" and "label"';
    throw fileError(file, `has no array "${name}"; it has ${present}`, fix);
  }
  const dataset = found as H5Dataset;
  const { metadata } = dataset;
  const datatype = datatypeOf(metadata, file, name);
  const shape = volumeShape(metadata.shape ?? [], file);
  checkStorage(dataset, metadata.size * metadata.total_size, fileBytes, file, name);
  return [dataset, { datatype, shape }];
}

/** Bytes of a file, which must be what the library can hold. */
async function bytesOf(file: string): Promise<Uint8Array> {
  const { size } = await stat(file);
  if (size > MOST_FILE_BYTES) {
    const problem = `has ${size} bytes, the limit is ${MOST_FILE_BYTES}`;
    throw fileError(file, problem, 'write each case into a file of its own');
  }
  return readRegularFile(file);
}

let opened = 0;

/**
 * Opens a file in the library's own file system, in memory: what it reads cannot lead to another file of this machine, by
 * external links or external storage, and nothing of a damaged file is met again in the next one.
 */
async function withDataset<R>(
  file: string,
  name: string,
  work: (dataset: H5Dataset, header: H5Header) => R,
): Promise<R> {
  const { File, ready } = (await import('h5wasm')).default;
  const module = await ready;
  // Without it errors are text on stderr and values that mean nothing.
  module.activate_throwing_error_handler();
  const inside = `/${opened++}.h5`;
  let content: H5File | null = null;
  try {
    const bytes = await bytesOf(file);
    module.FS.writeFile(inside, bytes);
    content = new File(inside, 'r');
    return work(...openDataset(content, bytes.byteLength, file, name));
  } catch (error) {
    if (isDmxError(error)) throw error;
    throw fileError(file, `cannot be read: ${h5Reason(error)}`, AGAIN, error);
  } finally {
    content?.close();
    if (module.FS.analyzePath(inside).exists) module.FS.unlink(inside);
  }
}

/** Reads what an HDF5 file says of one of its arrays. @throws DmxError `DMX_ARRAYS_FILE`. */
export function readH5Header(file: string, name: string): Promise<H5Header> {
  return withDataset(file, name, (_, header) => header);
}

/** Reads a volume from an HDF5 file; elements in C order. @throws DmxError `DMX_ARRAYS_FILE`. */
export function readH5(file: string, name: string): Promise<H5Header & { readonly data: StoredArray }> {
  return withDataset(file, name, (dataset, header) => ({ ...header, data: dataset.value as StoredArray }));
}
