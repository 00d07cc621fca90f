import { once } from 'node:events';
import type { FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { createGunzip, type Gunzip } from 'node:zlib';
import { reasonOf, VolumeError } from '../errors.js';
import { openForReading, readAt, readError } from '../file-bytes.js';

/** The bytes of a file from its start, decompressed if it is a gzip file. */
export interface ByteSource {
  /** An upper bound of the bytes that the source can give, known before any is decompressed. */
  readonly mostBytes: number;
  readonly compressed: boolean;
  /** Fills `target` with the next bytes and returns how many there were: fewer only at the end. */
  fill(target: Uint8Array): Promise<number>;
  /**
   * Returns the `count` bytes that follow the first `start`, in memory of their own, and reads to the end, so that a gzip
   * checksum is verified; fewer only where the source ends. Nothing can be read afterwards.
   */
  takeFrom(start: number, count: number): Promise<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}

// Deflate cannot shrink data further: a match of 258 bytes takes at least 2 bits (zlib technical details).
const LARGEST_RATIO = 1032;
const INPUT_CHUNK = 1 << 16;
const OUTPUT_CHUNK = 1 << 16;
// Up to this size a compressed file is inflated into one piece of memory that is touched once: in pieces that are copied
// together it takes half as long again.
const LARGEST_PIECE = 2 ** 30;
// Compressed bytes that are held at once: the whole file would be memory touched once more and then swept up, and small pieces
// leave a core waiting between them.
const COMPRESSED_PIECE = 1 << 24;
// Whatever follows the voxels is decompressed only to reach the checksum.
const LONGEST_TAIL = 2 ** 26;

/** Opens a file; whether it is compressed is decided by its first bytes, not by its name. */
export async function openByteSource(path: string): Promise<ByteSource> {
  const { file, size } = await openForReading(path);
  try {
    const magic = new Uint8Array(2);
    await readAt(file, magic, 0);
    const compressed = magic[0] === 0x1f && magic[1] === 0x8b;
    return compressed ? new GunzipSource(file, size, path) : new PlainSource(file, size);
  } catch (error) {
    await file.close();
    throw readError(path, error);
  }
}

class PlainSource implements ByteSource {
  readonly compressed = false;
  readonly mostBytes: number;
  private readonly file: FileHandle;
  private position = 0;

  constructor(file: FileHandle, size: number) {
    this.file = file;
    this.mostBytes = size;
  }

  async fill(target: Uint8Array): Promise<number> {
    const count = await readAt(this.file, target, this.position);
    this.position += count;
    return count;
  }

  async takeFrom(start: number, count: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(Math.max(0, Math.min(count, this.mostBytes - start)));
    return bytes.subarray(0, await readAt(this.file, bytes, start));
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

class GunzipSource implements ByteSource {
  readonly compressed = true;
  readonly mostBytes: number;
  private readonly path: string;
  private readonly file: FileHandle;
  private readonly size: number;
  private readonly input: Readable;
  private readonly gunzip: Gunzip;
  private readonly chunks: AsyncIterator<Uint8Array>;
  private pending: Uint8Array = new Uint8Array(0);

  constructor(file: FileHandle, size: number, path: string) {
    this.path = path;
    this.mostBytes = size * LARGEST_RATIO;
    this.file = file;
    this.size = size;
    this.input = file.createReadStream({ start: 0, highWaterMark: INPUT_CHUNK, autoClose: false });
    const inflating = createGunzip({ chunkSize: OUTPUT_CHUNK });
    this.input.on('error', (error) => inflating.destroy(error));
    // The iterator reports an error when it is asked for bytes; without a listener an earlier one would end the process.
    inflating.on('error', () => undefined);
    this.gunzip = this.input.pipe(inflating);
    this.chunks = inflating[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  }

  async fill(target: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < target.byteLength) {
      if (this.pending.byteLength === 0 && !(await this.advance())) break;
      const part = this.pending.subarray(0, target.byteLength - filled);
      target.set(part, filled);
      filled += part.byteLength;
      this.pending = this.pending.subarray(part.byteLength);
    }
    return filled;
  }

  async takeFrom(start: number, count: number): Promise<Uint8Array<ArrayBuffer>> {
    if (this.size > LARGEST_PIECE || start + count > LARGEST_PIECE) return this.takeInPieces(count);
    // Destroying the input now would close the file under it.
    this.input.unpipe(this.gunzip).pause();
    const end = start + count;
    try {
      return (await this.inflate(end)).subarray(start, end);
    } catch (error) {
      throw error instanceof VolumeError ? error : gunzipError(this.path, error);
    }
  }

  /** Inflates the file from its beginning to its end, into one piece of memory with room for `end` bytes and a little more. */
  private async inflate(end: number): Promise<Uint8Array<ArrayBuffer>> {
    // Room beyond the end: a full piece would make zlib begin another one.
    const gunzip = createGunzip({ chunkSize: end + OUTPUT_CHUNK });
    const ended = once(gunzip, 'end');
    const parts: Buffer<ArrayBuffer>[] = [];
    let length = 0;
    gunzip.on('data', (part: Buffer<ArrayBuffer>) => {
      parts.push(part);
      length += part.byteLength;
      if (length > end + LONGEST_TAIL) gunzip.destroy(this.tailError());
    });
    const fed = this.feed(gunzip).catch((error: Error) => gunzip.destroy(error));
    await ended;
    await fed;
    return inOnePiece(parts, end);
  }

  private async feed(gunzip: Gunzip): Promise<void> {
    const piece = Buffer.allocUnsafeSlow(Math.min(this.size, COMPRESSED_PIECE));
    for (let position = 0; ; ) {
      const read = await readAt(this.file, piece, position);
      position += read;
      await new Promise<void>((done, fail) => {
        gunzip.write(piece.subarray(0, read), (error) => (error == null ? done() : fail(error)));
      });
      if (read < piece.byteLength) break;
    }
    gunzip.end();
  }

  /** The stream stands at the first voxel. */
  private async takeInPieces(count: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(count);
    const filled = await this.fill(bytes);
    await this.finish();
    return bytes.subarray(0, filled);
  }

  private async finish(): Promise<void> {
    let tail = this.pending.byteLength;
    while (tail <= LONGEST_TAIL && (await this.advance())) tail += this.pending.byteLength;
    if (tail > LONGEST_TAIL) throw this.tailError();
  }

  private tailError(): VolumeError {
    return new VolumeError('DMX_NIFTI_SIZE', {
      file: this.path,
      problem: `goes on for more than ${LONGEST_TAIL} bytes after its last voxel`,
      fix: 'the header gives too few voxels, or the file is no image: write it again from its source',
    });
  }

  async close(): Promise<void> {
    this.input.destroy();
    this.gunzip.destroy();
    await this.file.close();
  }

  private async advance(): Promise<boolean> {
    try {
      const next = await this.chunks.next();
      if (next.done === true) return false;
      this.pending = next.value;
      return true;
    } catch (error) {
      throw gunzipError(this.path, error);
    }
  }
}

/** The first `end` bytes of the parts: without a copy where they follow one another in memory, as zlib leaves them there. */
function inOnePiece(parts: readonly Buffer<ArrayBuffer>[], end: number): Uint8Array<ArrayBuffer> {
  const [first] = parts;
  if (first === undefined) return new Uint8Array(0);
  const { buffer, byteOffset } = first;
  let length = 0;
  for (const part of parts) {
    if (length >= end) break;
    if (part.buffer !== buffer || part.byteOffset !== byteOffset + length) return Buffer.concat(parts).subarray(0, end);
    length += part.byteLength;
  }
  return new Uint8Array(buffer, byteOffset, Math.min(length, end));
}

function gunzipError(path: string, error: unknown): VolumeError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'Z_BUF_ERROR') {
    return new VolumeError('DMX_NIFTI_TRUNCATED', {
      file: path,
      problem: 'ends in the middle of its gzip data',
      fix: 'the copy or download was cut off: fetch the file again',
      cause: error,
    });
  }
  if (code?.startsWith('Z_') !== true) return readError(path, error);
  return new VolumeError('DMX_NIFTI_GZIP', {
    file: path,
    problem: `its gzip data is damaged: ${reasonOf(error)}`,
    fix: 'fetch the file again, and test it with gzip -t',
    cause: error,
  });
}
