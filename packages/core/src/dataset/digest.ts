import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { VolumeError } from '@dinomix/volume';
import { reasonOf } from '../errors/dmx-error.js';

interface Known {
  readonly size: number;
  readonly mtimeMs: number;
  readonly digest: string;
}

const known = new Map<string, Known>();

/** Returns what tells, without reading it, that a file may have changed. @throws VolumeError `DMX_FILE_READ`. */
export async function stampOf(file: string): Promise<string> {
  try {
    const { size, mtimeMs } = await stat(file);
    return `${file} ${size} ${mtimeMs}`;
  } catch (error) {
    throw unreadable(file, error);
  }
}

/**
 * Returns the sha256 (hexadecimal) of a file's bytes. It is computed again when size or time of the file change.
 * @throws VolumeError `DMX_FILE_READ`.
 */
export async function digestFile(file: string): Promise<string> {
  try {
    const { size, mtimeMs } = await stat(file);
    const before = known.get(file);
    if (before !== undefined && before.size === size && before.mtimeMs === mtimeMs) return before.digest;
    const hash = createHash('sha256');
    for await (const piece of createReadStream(file, { highWaterMark: 2 ** 20 })) hash.update(piece as Buffer);
    const digest = hash.digest('hex');
    known.set(file, { size, mtimeMs, digest });
    return digest;
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(file: string, cause: unknown): VolumeError {
  const problem = `cannot be read: ${reasonOf(cause)}`;
  return new VolumeError('DMX_FILE_READ', { file, problem, fix: 'check that the file is there', cause });
}
