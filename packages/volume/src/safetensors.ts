import type { FileHandle } from 'node:fs/promises';
import { writeFileAtomic } from './atomic.js';
import { reasonOf, VolumeError } from './errors.js';
import { openForReading } from './file-bytes.js';
import { readAt } from './regular-file.js';

/** The array that holds each element type. F16 and BF16 are kept as their bits; see `fromFloat16`. */
export interface TensorArrays {
  F64: Float64Array;
  F32: Float32Array;
  F16: Uint16Array;
  BF16: Uint16Array;
  I64: BigInt64Array;
  I32: Int32Array;
  I16: Int16Array;
  I8: Int8Array;
  U32: Uint32Array;
  U16: Uint16Array;
  U8: Uint8Array;
}

/** Element types of the safetensors format that this package reads and writes. */
export type TensorDtype = keyof TensorArrays;

/** A named array's content: `data` in C order over `shape`. */
export type Tensor = {
  [D in TensorDtype]: { readonly dtype: D; readonly shape: readonly number[]; readonly data: TensorArrays[D] };
}[TensorDtype];

/** A tensor's entry in the header of a file. */
export interface TensorEntry {
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  /** First byte and byte after the last, from the start of the data section. */
  readonly offsets: readonly [begin: number, end: number];
}

/** The header of a file. */
export interface SafetensorsHeader {
  readonly metadata: Readonly<Record<string, string>>;
  readonly entries: ReadonlyMap<string, TensorEntry>;
  /** Where the data section starts in the file, in bytes. */
  readonly dataStart: number;
}

/** Tensors over one buffer; each view is made when it is asked for. */
export interface SafetensorsView extends SafetensorsHeader {
  /** Returns the tensor as a view of the buffer, or as a copy if its bytes are not aligned. Unknown names throw. */
  tensor(name: string): Tensor;
}

/** An open file whose tensors are read one at a time. */
export interface SafetensorsFile extends SafetensorsHeader {
  /** Reads one tensor from the disk. Unknown names throw. */
  read(name: string): Promise<Tensor>;
  close(): Promise<void>;
}

/** Tensors to write, by name. */
export type NamedTensors = ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>;

const ARRAYS: { [D in TensorDtype]: new (buffer: ArrayBufferLike, offset: number, length: number) => TensorArrays[D] } =
  {
    F64: Float64Array,
    F32: Float32Array,
    F16: Uint16Array,
    BF16: Uint16Array,
    I64: BigInt64Array,
    I32: Int32Array,
    I16: Int16Array,
    I8: Int8Array,
    U32: Uint32Array,
    U16: Uint16Array,
    U8: Uint8Array,
  };
// In the order in which the reference implementation lays tensors out: wide elements first, so that with a header
// padded to 8 bytes every tensor is aligned for its typed array.
const WIDTHS: Record<TensorDtype, number> = {
  I64: 8,
  F64: 8,
  F32: 4,
  U32: 4,
  I32: 4,
  BF16: 2,
  F16: 2,
  U16: 2,
  I16: 2,
  I8: 1,
  U8: 1,
};
const LAYOUT = Object.keys(WIDTHS);
// The limit of the format's reference implementation.
const LARGEST_HEADER = 100_000_000;

/**
 * Writes tensors to a safetensors file, atomically. The same tensors give the same bytes, whatever their order.
 *
 * @param metadata - free text by key
 * @throws VolumeError `DMX_SAFETENSORS_TENSOR` if a name is empty or reserved or data and shape disagree;
 * `DMX_FILE_WRITE` if the file cannot be written.
 */
export async function writeSafetensors(
  path: string,
  tensors: NamedTensors,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFileAtomic(path, safetensorsPieces(path, tensors, metadata));
}

/** Returns the bytes of a safetensors file; see {@link writeSafetensors}. */
export function encodeSafetensors(
  tensors: NamedTensors,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.concat(safetensorsPieces('safetensors data', tensors, metadata)));
}

/** The header, then the tensors as they follow each other in the file. */
export function safetensorsPieces(
  file: string,
  tensors: NamedTensors,
  metadata: Readonly<Record<string, string>>,
): Uint8Array[] {
  const pairs: [string, Tensor][] = tensors instanceof Map ? [...tensors] : Object.entries(tensors);
  for (const [name, tensor] of pairs) assertWritable(file, name, tensor);
  pairs.sort(([a, left], [b, right]) => LAYOUT.indexOf(left.dtype) - LAYOUT.indexOf(right.dtype) || (a < b ? -1 : 1));
  const lines: [string, unknown][] = [];
  if (Object.keys(metadata).length > 0) lines.push(['__metadata__', metadata]);
  let offset = 0;
  const pieces: Uint8Array[] = [];
  for (const [name, { dtype, shape, data }] of pairs) {
    lines.push([name, { dtype, shape, data_offsets: [offset, offset + data.byteLength] }]);
    pieces.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    offset += data.byteLength;
  }
  const json = `{${lines.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`;
  const text = Buffer.from(json, 'utf8');
  const header = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8, ' ');
  header.writeBigUInt64LE(BigInt(header.length - 8), 0);
  text.copy(header, 8);
  return [header, ...pieces];
}

function assertWritable(file: string, name: string, { dtype, shape, data }: Tensor): void {
  const count = shape.reduce((product, size) => product * size, 1);
  const problem =
    name === '' || name === '__metadata__'
      ? `"${name}" cannot be a tensor's name`
      : !(data instanceof ARRAYS[dtype])
        ? `tensor "${name}" is ${dtype}, its data is ${(data as object).constructor.name}`
        : !shape.every((size) => Number.isSafeInteger(size) && size >= 0) || count !== data.length
          ? `tensor "${name}" has the shape [${shape}] and ${data.length} elements`
          : undefined;
  if (problem === undefined) return;
  throw new VolumeError('DMX_SAFETENSORS_TENSOR', {
    file,
    problem,
    fix: 'give each tensor a name, shape and data that agree',
  });
}

/** Reads a whole safetensors file into one buffer. See {@link openSafetensors} for the errors. */
export async function readSafetensors(path: string): Promise<SafetensorsView> {
  const { file, size } = await openForReading(path);
  try {
    const header = await readHeader(file, size, path);
    const data = new Uint8Array(size - header.dataStart);
    assertWhole(path, await readAt(file, data, header.dataStart), data.byteLength);
    return createView(header, data, path);
  } finally {
    await file.close();
  }
}

/**
 * Opens a safetensors file to read its tensors one at a time; close it when done.
 *
 * @throws VolumeError `DMX_SAFETENSORS_HEADER` if the header is longer than the file, no JSON, or its tensors overlap,
 * leave holes, or do not fill the file; `DMX_SAFETENSORS_TENSOR` for an element type or size that does not fit. Sizes
 * are checked before memory is taken.
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const { file, size } = await openForReading(path);
  try {
    const header = await readHeader(file, size, path);
    const read = async (name: string): Promise<Tensor> => {
      const entry = entryOf(header, name, path);
      const [begin, end] = entry.offsets;
      const bytes = new Uint8Array(end - begin);
      assertWhole(path, await readAt(file, bytes, header.dataStart + begin), bytes.byteLength);
      return tensorFrom(entry, bytes);
    };
    return { ...header, read, close: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Returns the tensors of a safetensors file in memory, as views. `name` stands for the file in messages. */
export function viewSafetensors(bytes: Uint8Array, name = 'safetensors data'): SafetensorsView {
  const length = headerLength(bytes.subarray(0, 8), bytes.byteLength, name);
  const header = parseHeader(bytes.subarray(8, 8 + length), bytes.byteLength, name);
  return createView(header, bytes.subarray(header.dataStart), name);
}

function createView(header: SafetensorsHeader, data: Uint8Array, file: string): SafetensorsView {
  const tensor = (name: string): Tensor => {
    const entry = entryOf(header, name, file);
    return tensorFrom(entry, data.subarray(...entry.offsets));
  };
  return { ...header, tensor };
}

function tensorFrom({ dtype, shape }: TensorEntry, bytes: Uint8Array): Tensor {
  const width = WIDTHS[dtype];
  const aligned = bytes.byteOffset % width === 0 ? bytes : bytes.slice();
  const data = new ARRAYS[dtype](aligned.buffer, aligned.byteOffset, aligned.byteLength / width);
  return { dtype, shape, data } as Tensor;
}

function entryOf(header: SafetensorsHeader, name: string, file: string): TensorEntry {
  const entry = header.entries.get(name);
  if (entry !== undefined) return entry;
  throw new VolumeError('DMX_SAFETENSORS_TENSOR', {
    file,
    problem: `has no tensor "${name}"`,
    fix: `ask for one of its ${header.entries.size}: ${[...header.entries.keys()].slice(0, 8).join(', ')}`,
  });
}

async function readHeader(file: FileHandle, size: number, path: string): Promise<SafetensorsHeader> {
  const prefix = new Uint8Array(8);
  await readAt(file, prefix, 0);
  const text = new Uint8Array(headerLength(prefix, size, path));
  assertWhole(path, await readAt(file, text, 8), text.byteLength);
  return parseHeader(text, size, path);
}

function assertWhole(file: string, got: number, expected: number): void {
  if (got !== expected) throw headerError(file, `ends ${expected - got} bytes early`);
}

function headerError(file: string, problem: string, cause?: unknown): VolumeError {
  const fix = 'the file is damaged or no safetensors file: write or download it again';
  return new VolumeError('DMX_SAFETENSORS_HEADER', { file, problem, fix, cause });
}

function headerLength(prefix: Uint8Array, size: number, file: string): number {
  if (size < 8) throw headerError(file, `has ${size} bytes, fewer than the 8 of a header length`);
  const length = Number(Buffer.from(prefix.buffer, prefix.byteOffset, 8).readBigUInt64LE());
  if (length > size - 8) throw headerError(file, `has ${size} bytes, its header claims ${length}`);
  if (length > LARGEST_HEADER)
    throw headerError(file, `its header claims ${length} bytes, more than ${LARGEST_HEADER}`);
  return length;
}

function parseHeader(bytes: Uint8Array, size: number, file: string): SafetensorsHeader {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw headerError(file, `its header is not JSON: ${reasonOf(error)}`, error);
  }
  if (!isRecord(parsed)) throw headerError(file, 'its header is not a JSON object');
  const entries = new Map<string, TensorEntry>();
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(parsed)) {
    if (name === '__metadata__') metadata = parseMetadata(value, file);
    else entries.set(name, parseEntry(name, value, file));
  }
  const dataStart = 8 + bytes.byteLength;
  assertFilled(entries, size - dataStart, file);
  return { metadata, entries, dataStart };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseMetadata(value: unknown, file: string): Record<string, string> {
  if (!isRecord(value) || !Object.values(value).every((text) => typeof text === 'string')) {
    throw headerError(file, 'its __metadata__ is not an object of texts');
  }
  return value as Record<string, string>;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function parseEntry(name: string, value: unknown, file: string): TensorEntry {
  const fail = (problem: string) =>
    new VolumeError('DMX_SAFETENSORS_TENSOR', {
      file,
      problem: `tensor "${name}" ${problem}`,
      fix: `convert the file to the element types ${Object.keys(WIDTHS).join(', ')}, or write it again`,
    });
  if (!isRecord(value)) throw fail('is not described by an object');
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== 'string' || !Object.hasOwn(WIDTHS, dtype))
    throw fail(`has the unknown element type ${JSON.stringify(dtype) ?? 'of no value'}`);
  if (!isSizes(shape)) throw fail(`has the shape ${JSON.stringify(shape) ?? 'of no value'}`);
  if (!isSizes(offsets) || offsets.length !== 2)
    throw fail(`has the offsets ${JSON.stringify(offsets) ?? 'of no value'}`);
  const [begin, end] = offsets as [number, number];
  const expected = shape.reduce((product, size) => product * size, WIDTHS[dtype as TensorDtype]);
  if (end - begin !== expected)
    throw fail(`of ${dtype} [${shape}] needs ${expected} bytes, its offsets give ${end - begin}`);
  return { dtype: dtype as TensorDtype, shape, offsets: [begin, end] };
}

function assertFilled(entries: ReadonlyMap<string, TensorEntry>, dataLength: number, file: string): void {
  const ordered = [...entries].sort(([, a], [, b]) => a.offsets[0] - b.offsets[0] || a.offsets[1] - b.offsets[1]);
  let end = 0;
  for (const [name, { offsets }] of ordered) {
    if (offsets[0] !== end) {
      const relation = offsets[0] < end ? 'overlaps the tensor before it' : 'leaves a hole before it';
      throw headerError(file, `tensor "${name}" starts at byte ${offsets[0]} where ${end} is due: it ${relation}`);
    }
    end = offsets[1];
  }
  if (end !== dataLength) throw headerError(file, `its tensors need ${end} bytes, the file has ${dataLength} for them`);
}
