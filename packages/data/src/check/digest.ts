import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { reasonOf } from '@dinomix/core';
import { openRegularFile, VolumeError } from '@dinomix/volume';

const PIECE = 2 ** 20;

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

// One buffer for the whole file: fresh memory for each piece takes as long as hashing it.
async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(PIECE);
  const { file } = await openRegularFile(path);
  try {
    for (;;) {
      const { bytesRead } = await file.read(piece, 0, PIECE, null);
      if (bytesRead === 0) return hash.digest('hex');
      hash.update(piece.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

/**
 * Returns the sha256 (hexadecimal) of a file's bytes. It is computed again when size or time of the file change.
 * @throws VolumeError `DMX_FILE_READ`.
 */
async function digestFile(file: string): Promise<string> {
  try {
    const { size, mtimeMs } = await stat(file);
    const before = known.get(file);
    if (before !== undefined && before.size === size && before.mtimeMs === mtimeMs) return before.digest;
    const digest = await hashFile(file);
    known.set(file, { size, mtimeMs, digest });
    return digest;
  } catch (error) {
    throw unreadable(file, error);
  }
}

/** Returns the sha256 (hexadecimal) of what several files hold, in their order; of one file, that of its bytes. */
export async function digestFiles(files: readonly string[]): Promise<string> {
  const digests: string[] = [];
  for (const file of files) digests.push(await digestFile(file));
  return digests.length === 1 ? digests[0]! : createHash('sha256').update(digests.join(' ')).digest('hex');
}

function unreadable(file: string, cause: unknown): VolumeError {
  const problem = `cannot be read: ${reasonOf(cause)}`;
  return new VolumeError('DMX_FILE_READ', { file, problem, fix: 'check that the file is there', cause });
}
