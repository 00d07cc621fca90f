import type { FileHandle } from 'node:fs/promises';
import { reasonOf } from '@dinomix/core';
import { fromFloat16, openRegularFile, type StoredArray } from '@dinomix/volume';
import { fileError, volumeShape } from './errors.js';

// The format: numpy's documentation, "NEP 1 - A Simple File Format for NumPy Arrays", versions 1.0 to 3.0.

/** What the header of an npy file says. */
export interface NpyHeader {
  /** Element type by its numpy name: `float32`, `int8`. */
  readonly datatype: string;
  /** As the array has it, C order or not. */
  readonly shape: readonly [number, number, number];
  /** Whether the first axis runs fastest in the file. */
  readonly fortranOrder: boolean;
}

interface Layout extends NpyHeader {
  readonly code: string;
  readonly littleEndian: boolean;
  /** Byte of the first element. */
  readonly start: number;
}

type Build = (buffer: ArrayBuffer) => StoredArray;

const TYPES: Readonly<Record<string, readonly [name: string, width: number, build: Build]>> = {
  b1: ['bool', 1, (buffer) => new Uint8Array(buffer)],
  u1: ['uint8', 1, (buffer) => new Uint8Array(buffer)],
  i1: ['int8', 1, (buffer) => new Int8Array(buffer)],
  u2: ['uint16', 2, (buffer) => new Uint16Array(buffer)],
  i2: ['int16', 2, (buffer) => new Int16Array(buffer)],
  u4: ['uint32', 4, (buffer) => new Uint32Array(buffer)],
  i4: ['int32', 4, (buffer) => new Int32Array(buffer)],
  u8: ['uint64', 8, (buffer) => new BigUint64Array(buffer)],
  i8: ['int64', 8, (buffer) => new BigInt64Array(buffer)],
  f2: ['float16', 2, (buffer) => fromFloat16(new Uint16Array(buffer))],
  f4: ['float32', 4, (buffer) => new Float32Array(buffer)],
  f8: ['float64', 8, (buffer) => new Float64Array(buffer)],
};

const MAGIC = '\x93NUMPY';
// Enough for magic, version and length. numpy itself refuses headers above 10000 characters.
const PREFIX = 12;
const LONGEST_HEADER = 10_000;
const MOST_BYTES = 2 ** 32;
const AGAIN = 'the file is cut off, damaged or no npy file: write it again with numpy.save';

async function readAt(handle: FileHandle, buffer: Uint8Array, position: number): Promise<number> {
  let filled = 0;
  while (filled < buffer.byteLength) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.byteLength - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

function parseDescription(
  text: string,
  file: string,
): Pick<Layout, 'code' | 'littleEndian' | 'fortranOrder' | 'shape'> {
  const descr = /'descr':\s*'([<>=|])([a-zA-Z]\d+)'/.exec(text);
  const order = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const shape = /'shape':\s*\(([\d\s,]*)\)/.exec(text)?.[1];
  if (descr === null || TYPES[descr[2]!] === undefined) {
    const type = /'descr':\s*(.*?),\s*'(?:fortran_order|shape)'/.exec(text)?.[1] ?? text.slice(0, 80);
    const fix = `write it as one of ${Object.values(TYPES)
      .map(([name]) => name)
      .join(', ')}: array.astype('float32')`;
    throw fileError(file, `has elements of the type ${type}`, fix);
  }
  if (order === undefined || shape === undefined) {
    throw fileError(file, `has the header ${JSON.stringify(text.slice(0, 120))}`, AGAIN);
  }
  const sizes = shape
    .split(',')
    .filter((part) => part.trim() !== '')
    .map(Number);
  return {
    code: descr[2]!,
    littleEndian: descr[1] !== '>',
    fortranOrder: order === 'True',
    shape: volumeShape(sizes, file),
  };
}

/** Reads the header and compares what it announces with the size of the file, before memory is taken for elements. */
async function readLayout(handle: FileHandle, file: string): Promise<Layout> {
  const prefix = Buffer.alloc(PREFIX);
  const filled = await readAt(handle, prefix, 0);
  if (filled < PREFIX || prefix.toString('latin1', 0, 6) !== MAGIC) {
    throw fileError(file, `does not begin with the magic of npy files, it has ${filled} of its first bytes`, AGAIN);
  }
  const version = prefix[6]!;
  if (version < 1 || version > 3) throw fileError(file, `has the format version ${version}; 1 to 3 are known`, AGAIN);
  const length = version === 1 ? prefix.readUInt16LE(8) : prefix.readUInt32LE(8);
  const headerStart = version === 1 ? 10 : 12;
  if (length > LONGEST_HEADER) throw fileError(file, `announces a header of ${length} bytes`, AGAIN);
  const header = Buffer.alloc(length);
  if ((await readAt(handle, header, headerStart)) < length) throw fileError(file, 'ends within its header', AGAIN);
  const description = parseDescription(header.toString('latin1'), file);
  const [datatype, width] = TYPES[description.code]!;
  const start = headerStart + length;
  const needed = description.shape.reduce((product, size) => product * size, width);
  const there = (await handle.stat()).size - start;
  if (needed > MOST_BYTES || needed !== there) {
    const problem = `announces [${description.shape.join(', ')}] elements of ${datatype}, ${needed} bytes; it has ${there}`;
    throw fileError(file, problem, AGAIN);
  }
  return { ...description, datatype, start };
}

async function withFile<R>(file: string, work: (handle: FileHandle) => Promise<R>): Promise<R> {
  let handle: FileHandle;
  try {
    ({ file: handle } = await openRegularFile(file));
  } catch (error) {
    throw fileError(file, `cannot be opened: ${reasonOf(error)}`, 'check that the file is there', error);
  }
  try {
    return await work(handle);
  } finally {
    await handle.close();
  }
}

/** Reads the header of an npy file. @throws DmxError `DMX_ARRAYS_FILE`. */
export function readNpyHeader(file: string): Promise<NpyHeader> {
  return withFile(file, (handle) => readLayout(handle, file));
}

/**
 * Reads a volume from an npy file, of either byte order; float16 comes as float32. The order of elements is that of the file.
 * @throws DmxError `DMX_ARRAYS_FILE` also for object arrays, which would run code when they are read.
 */
export function readNpy(file: string): Promise<NpyHeader & { readonly data: StoredArray }> {
  return withFile(file, async (handle) => {
    const layout = await readLayout(handle, file);
    const [, width, build] = TYPES[layout.code]!;
    const bytes = Buffer.from(new ArrayBuffer(layout.shape.reduce((product, size) => product * size, width)));
    if ((await readAt(handle, bytes, layout.start)) < bytes.byteLength) {
      throw fileError(file, 'became shorter while it was read', AGAIN);
    }
    if (!layout.littleEndian && width > 1) swapBytes(bytes, width);
    return { ...layout, data: build(bytes.buffer as ArrayBuffer) };
  });
}

function swapBytes(bytes: Buffer, width: number): void {
  if (width === 2) bytes.swap16();
  else if (width === 4) bytes.swap32();
  else bytes.swap64();
}
