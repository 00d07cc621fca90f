import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { reasonOf, VolumeError } from './errors.js';
import { clearTemporaryFiles, temporaryPath } from './temporary-files.js';

/** Content of a file: text, bytes, or pieces written one after another. */
export type FileContent = string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * Writes a file so that a reader, or a later run, sees the old content or the whole new one, never a part.
 *
 * @remarks A temporary file in the same folder is written, synced and renamed, then the folder is synced. Before its first
 * file in a folder, a process removes the temporary ones of processes that have ended.
 * @throws VolumeError `DMX_FILE_WRITE` (disk full, no permission, no folder); the old file is whole and the temporary
 * one removed. An error thrown by the pieces themselves passes through unchanged.
 */
export async function writeFileAtomic(path: string, content: FileContent): Promise<void> {
  const folder = dirname(path);
  await clearOnce(folder);
  const temporary = await temporaryPath(path);
  let created = false;
  try {
    const file = await open(temporary, 'wx');
    created = true;
    try {
      await writeContent(file, content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    created = false;
  } catch (error) {
    if (created) await unlink(temporary).catch(() => undefined);
    throw isSystemError(error) ? writeError(path, error) : error;
  }
  await syncFolder(folder);
}

const cleared = new Set<string>();

/** Whoever writes into a folder first removes what killed processes left there. */
async function clearOnce(folder: string): Promise<void> {
  const place = resolve(folder);
  if (cleared.has(place)) return;
  cleared.add(place);
  await clearTemporaryFiles(place);
}

async function writeContent(file: FileHandle, content: FileContent): Promise<void> {
  if (typeof content === 'string') return writeAll(file, Buffer.from(content));
  if (content instanceof Uint8Array) return writeAll(file, content);
  for await (const piece of content) await writeAll(file, piece);
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.byteLength) written += (await file.write(bytes, written)).bytesWritten;
}

// A rename is durable only once its folder is; some systems cannot sync a folder, and there the rename itself stands.
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  if (handle === undefined) return;
  await handle.sync().catch(() => undefined);
  await handle.close();
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}

function writeError(path: string, error: NodeJS.ErrnoException): VolumeError {
  const fixes: Record<string, string> = {
    ENOSPC: 'free disk space and try again; the file that was there before is whole',
    EDQUOT: 'your share of the disk is used up: free some of it and try again; the file that was there before is whole',
    EACCES: 'choose a folder that you may write to',
    EPERM: 'choose a folder that you may write to',
    EROFS: 'choose a folder on a writable disk',
    ENOENT: `create the folder ${dirname(path)}`,
    ENAMETOOLONG: 'choose a shorter name',
    ENOTDIR: `choose another folder: a part of ${dirname(path)} is a file`,
    EISDIR: 'choose the name of a file: a folder has this name',
  };
  return new VolumeError('DMX_FILE_WRITE', {
    file: path,
    problem: `cannot be written: ${reasonOf(error)}`,
    fix: fixes[error.code ?? ''] ?? 'see the reason given by the system; the file that was there before is whole',
    cause: error,
  });
}
