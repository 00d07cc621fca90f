import { type FileHandle, open } from 'node:fs/promises';
import { reasonOf, VolumeError } from './errors.js';

const LARGEST_READ = 2 ** 30;

/** Opens a file for reading. Throws `DMX_FILE_READ` if it cannot be opened or is no regular file. */
export async function openForReading(path: string): Promise<{ file: FileHandle; size: number }> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    throw readError(path, error);
  }
  const stat = await file.stat();
  if (stat.isFile()) return { file, size: stat.size };
  await file.close();
  throw new VolumeError('DMX_FILE_READ', { file: path, problem: 'is not a regular file', fix: 'name a file' });
}

/** Fills `target` from a position of the file and returns how many bytes there were. */
export async function readAt(file: FileHandle, target: Uint8Array, position: number): Promise<number> {
  let filled = 0;
  while (filled < target.byteLength) {
    const length = Math.min(LARGEST_READ, target.byteLength - filled);
    const { bytesRead } = await file.read(target, filled, length, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

/** Returns a `DMX_FILE_READ` error for what the system reported. */
export function readError(path: string, error: unknown): VolumeError {
  return new VolumeError('DMX_FILE_READ', {
    file: path,
    problem: `cannot be read: ${reasonOf(error)}`,
    fix: 'check the path and that you may read the file',
    cause: error,
  });
}
