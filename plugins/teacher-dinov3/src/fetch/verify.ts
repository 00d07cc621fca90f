import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { HubFile } from './hub.js';

/** Digests of a file on the disk, hexadecimal. */
export interface Digests {
  readonly sha256: string;
  /** sha1 as git takes it over a blob. */
  readonly blob: string;
}

/** Length of a file; null where there is none. */
export async function lengthOf(path: string): Promise<number | null> {
  const found = await stat(path).catch(() => null);
  return found?.isFile() === true ? found.size : null;
}

/** Reads a file and takes its digests. */
export async function digestsOf(path: string, size: number, signal: AbortSignal): Promise<Digests> {
  const sha256 = createHash('sha256');
  const blob = createHash('sha1').update(`blob ${size}\0`);
  for await (const piece of createReadStream(path, { highWaterMark: 2 ** 20, signal })) {
    sha256.update(piece as Buffer);
    blob.update(piece as Buffer);
  }
  return { sha256: sha256.digest('hex'), blob: blob.digest('hex') };
}

/** Digests of a file, or null where it is not there or not the one that the hub has. */
export async function verified(path: string, file: HubFile, signal: AbortSignal): Promise<Digests | null> {
  if ((await lengthOf(path)) !== file.size) return null;
  const digests = await digestsOf(path, file.size, signal);
  return digests[file.digest.kind] === file.digest.value ? digests : null;
}
