import type { FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { createGunzip, type Gunzip } from 'node:zlib';
import { reasonOf, VolumeError } from '../errors.js';
import { readError } from '../file-bytes.js';

const CHUNK = 1 << 16;

/** A file that is decompressed piece by piece from its start, in memory that does not grow with it. */
export class GunzipStream {
  private readonly path: string;
  private readonly input: Readable;
  private readonly gunzip: Gunzip;
  private readonly chunks: AsyncIterator<Uint8Array>;
  private pending: Uint8Array = new Uint8Array(0);

  constructor(file: FileHandle, path: string) {
    this.path = path;
    this.input = file.createReadStream({ start: 0, highWaterMark: CHUNK, autoClose: false });
    const inflating = createGunzip({ chunkSize: CHUNK });
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

  /** Whether more than `count` bytes follow; where not, the end was reached and the checksum verified. */
  async isLongerThan(count: number): Promise<boolean> {
    let tail = this.pending.byteLength;
    while (tail <= count && (await this.advance())) tail += this.pending.byteLength;
    return tail > count;
  }

  close(): void {
    this.input.destroy();
    this.gunzip.destroy();
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

/** The error of a gzip file for what zlib or the system reported. */
export function gunzipError(path: string, error: unknown): VolumeError {
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
