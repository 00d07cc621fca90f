import { once } from 'node:events';
import type { FileHandle } from 'node:fs/promises';
import { constants, createGunzip, type Gunzip, gunzipSync } from 'node:zlib';
import { VolumeError } from '../errors.js';
import { openForReading, readError } from '../file-bytes.js';
import { readAt } from '../regular-file.js';
import { GunzipStream, gunzipError } from './gunzip-stream.js';

/** Gives memory of at least so many bytes that may be overwritten until it is asked for again. */
export type Scratch = (bytes: number) => Uint8Array<ArrayBuffer>;

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
const OUTPUT_CHUNK = 1 << 16;
// Compressed bytes that are read on opening: enough for a header, and at most 4 MB of memory when they are inflated.
const HEAD = 1 << 12;
// Up to this size a compressed file is inflated into one piece of memory that is touched once: in pieces that are copied
// together it takes half as long again.
const LARGEST_PIECE = 2 ** 30;
// Compressed bytes that are held at once: the whole file would be memory touched once more and then swept up, and small pieces
// leave a core waiting between them.
const COMPRESSED_PIECE = 1 << 24;
// Whatever follows the voxels is decompressed only to reach the checksum.
const LONGEST_TAIL = 2 ** 26;

/**
 * Opens a file; whether it is compressed is decided by its first bytes, not by its name.
 * @param scratch - memory for compressed bytes; with it `takeFrom` blocks the thread.
 */
export async function openByteSource(path: string, scratch?: Scratch): Promise<ByteSource> {
  const { file, size } = await openForReading(path);
  try {
    const head = new Uint8Array(Math.min(HEAD, size));
    await readAt(file, head, 0);
    const compressed = head[0] === 0x1f && head[1] === 0x8b;
    return compressed
      ? new GunzipSource({ file, size, path, scratch }, inflateHead(head))
      : new PlainSource(file, size);
  } catch (error) {
    await file.close();
    throw readError(path, error);
  }
}

/** What the first bytes of a gzip file decompress to; nothing where they are damaged, which the whole file will tell. */
function inflateHead(head: Uint8Array): Uint8Array {
  try {
    return gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch {
    return new Uint8Array(0);
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

/** A gzip file that is open. */
interface GzipFile {
  readonly file: FileHandle;
  readonly size: number;
  readonly path: string;
  readonly scratch: Scratch | undefined;
}

class GunzipSource implements ByteSource {
  readonly compressed = true;
  readonly mostBytes: number;
  private readonly path: string;
  private readonly file: FileHandle;
  private readonly size: number;
  private readonly scratch: Scratch | undefined;
  private readonly head: Uint8Array;
  private stream: GunzipStream | undefined;
  private position = 0;

  constructor({ file, size, path, scratch }: GzipFile, head: Uint8Array) {
    this.path = path;
    this.mostBytes = size * LARGEST_RATIO;
    this.file = file;
    this.size = size;
    this.scratch = scratch;
    this.head = head;
  }

  async fill(target: Uint8Array): Promise<number> {
    const end = this.position + target.byteLength;
    if (this.stream === undefined && end <= this.head.byteLength) {
      target.set(this.head.subarray(this.position, end));
      this.position = end;
      return target.byteLength;
    }
    const filled = await (await this.streamed()).fill(target);
    this.position += filled;
    return filled;
  }

  /** The stream, at the position that `fill` has reached. */
  private async streamed(): Promise<GunzipStream> {
    if (this.stream === undefined) {
      this.stream = new GunzipStream(this.file, this.path);
      await this.stream.fill(new Uint8Array(this.position));
    }
    return this.stream;
  }

  async takeFrom(start: number, count: number): Promise<Uint8Array<ArrayBuffer>> {
    if (this.size > LARGEST_PIECE || start + count > LARGEST_PIECE) return this.takeInPieces(count);
    const end = start + count;
    try {
      const bytes = this.scratch === undefined ? await this.inflate(end) : await this.inflateAtOnce(end, this.scratch);
      return bytes.subarray(start, end);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw this.tailError();
      throw error instanceof VolumeError ? error : gunzipError(this.path, error);
    }
  }

  // In the thread pool, two threads that read at a time leave a tenth of two cores idle between their hand-overs.
  private async inflateAtOnce(end: number, scratch: Scratch): Promise<Uint8Array<ArrayBuffer>> {
    const compressed = scratch(this.size).subarray(0, this.size);
    const filled = await readAt(this.file, compressed, 0);
    const sizes = { chunkSize: end + OUTPUT_CHUNK, maxOutputLength: end + LONGEST_TAIL };
    return gunzipSync(compressed.subarray(0, filled), sizes) as Buffer<ArrayBuffer>;
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

  /** Everything so far was before the first voxel. */
  private async takeInPieces(count: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(count);
    const stream = await this.streamed();
    const filled = await stream.fill(bytes);
    if (await stream.isLongerThan(LONGEST_TAIL)) throw this.tailError();
    return bytes.subarray(0, filled);
  }

  private tailError(): VolumeError {
    return new VolumeError('DMX_NIFTI_SIZE', {
      file: this.path,
      problem: `goes on for more than ${LONGEST_TAIL} bytes after its last voxel`,
      fix: 'the header gives too few voxels, or the file is no image: write it again from its source',
    });
  }

  async close(): Promise<void> {
    this.stream?.close();
    await this.file.close();
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
