import type { FileHandle } from 'node:fs/promises';
import { reasonOf, VolumeError } from './errors.js';
import { openRegularFile } from './regular-file.js';

/** Opens a file for reading. Throws `DMX_FILE_READ` if it cannot be opened or is no regular file. */
export async function openForReading(path: string): Promise<{ file: FileHandle; size: number }> {
  try {
    return await openRegularFile(path);
  } catch (error) {
    throw readError(path, error);
  }
}

/** Returns a `DMX_FILE_READ` error for what the system reported. */
export function readError(path: string, error: unknown): VolumeError {
  const isOther = (error as NodeJS.ErrnoException).code === 'ERR_NOT_REGULAR_FILE';
  return new VolumeError('DMX_FILE_READ', {
    file: path,
    problem: isOther ? reasonOf(error).slice(path.length + 1) : `cannot be read: ${reasonOf(error)}`,
    fix: isOther ? 'name a file' : 'check the path and that you may read the file',
    cause: error,
  });
}
