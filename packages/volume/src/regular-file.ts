import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

// A text or a network that does not fit into one buffer is none.
const LARGEST_READ = 2 ** 31 - 1;
const LARGEST_PIECE = 2 ** 30;

/** What a path names that is no regular file. */
function kindOf(stat: Stats): string {
  if (stat.isDirectory()) return 'a folder';
  if (stat.isFIFO()) return 'a named pipe';
  if (stat.isSocket()) return 'a socket';
  return 'a device';
}

/**
 * Opens a file for reading if it is a regular one, links followed. Reading of a pipe may wait for ever, and a device such as
 * /dev/zero never ends.
 *
 * @throws Error of the system where it cannot be opened; Error `ERR_NOT_REGULAR_FILE` for a folder, pipe, socket or device.
 */
export async function openRegularFile(path: string): Promise<{ file: FileHandle; size: number }> {
  // Without it opening a pipe waits for its writer; Windows has no such flag.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const stat = await file.stat();
    if (stat.isFile()) return { file, size: stat.size };
    const error = new Error(`${path} is ${kindOf(stat)}, not a regular file`);
    throw Object.assign(error, { code: 'ERR_NOT_REGULAR_FILE' });
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * Reads a file if it is a regular one, as `readFile` of Node does.
 *
 * @param encoding - with it the result is text
 * @throws as {@link openRegularFile}; Error `ERR_FS_FILE_TOO_LARGE` from 2^31 bytes on.
 */
export async function readRegularFile(path: string): Promise<Buffer<ArrayBuffer>>;
export async function readRegularFile(path: string, encoding: 'utf8'): Promise<string>;
export async function readRegularFile(path: string, encoding?: 'utf8'): Promise<Buffer<ArrayBuffer> | string> {
  const { file, size } = await openRegularFile(path);
  try {
    if (size > LARGEST_READ) {
      const error = new Error(`${path} has ${size} bytes; at most ${LARGEST_READ} are read at once`);
      throw Object.assign(error, { code: 'ERR_FS_FILE_TOO_LARGE' });
    }
    const bytes = Buffer.allocUnsafeSlow(size) as Buffer<ArrayBuffer>;
    const content = bytes.subarray(0, await readAt(file, bytes, 0));
    return encoding === undefined ? content : content.toString(encoding);
  } finally {
    await file.close();
  }
}

/** Fills `target` from a position of the file and returns how many bytes there were. */
export async function readAt(file: FileHandle, target: Uint8Array, position: number): Promise<number> {
  let filled = 0;
  while (filled < target.byteLength) {
    const length = Math.min(LARGEST_PIECE, target.byteLength - filled);
    const { bytesRead } = await file.read(target, filled, length, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}
