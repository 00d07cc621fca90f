import { createHash } from 'node:crypto';
import { writeFileAtomic } from './atomic.js';
import { VolumeError } from './errors.js';
import { openForReading } from './file-bytes.js';
import { readAt } from './regular-file.js';
import {
  type NamedTensors,
  openSafetensors,
  type SafetensorsFile,
  safetensorsPieces,
  type Tensor,
} from './safetensors.js';

/** A safetensors file that is believed only with its digests. */
export interface SealedFile extends SafetensorsFile {
  /** sha256 (hexadecimal) of the header, which holds that of each tensor: it stands for the whole file. */
  readonly digest: string;
  /** Reads one tensor. @throws VolumeError `DMX_SAFETENSORS_DIGEST` where its bytes are not those that were written. */
  read(name: string): Promise<Tensor>;
}

/** Entries of the metadata. */
const OF_HEADER = 'sha256';
const OF_TENSORS = 'sha256.tensors';
const BLANK = '0'.repeat(64);

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function bytesOf({ data }: Tensor): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Where the digest of a header stands in it; the same bytes cannot stand within a name or text, which escape quotes. */
function placeOf(header: Uint8Array, digest: string): number {
  const key = `"${OF_HEADER}":"`;
  const at = Buffer.from(header.buffer, header.byteOffset, header.byteLength).indexOf(`${key}${digest}"`);
  return at < 0 ? at : at + key.length;
}

/**
 * Writes tensors to a safetensors file with digests of all that it says: names, shapes, metadata and values. Other readers of
 * the format take it as any other file.
 * @returns what {@link SealedFile.digest} will be.
 * @throws as `writeSafetensors`.
 */
export async function writeSealed(
  path: string,
  tensors: NamedTensors,
  metadata: Readonly<Record<string, string>> = {},
): Promise<string> {
  const pairs: [string, Tensor][] = tensors instanceof Map ? [...tensors] : Object.entries(tensors);
  const digests = JSON.stringify(Object.fromEntries(pairs.map(([name, tensor]) => [name, sha256(bytesOf(tensor))])));
  const sealed = { [OF_HEADER]: BLANK, [OF_TENSORS]: digests, ...metadata };
  const [header, ...pieces] = safetensorsPieces(path, new Map(pairs), sealed);
  const digest = sha256(header!);
  header!.set(Buffer.from(digest), placeOf(header!, BLANK));
  await writeFileAtomic(path, [header!, ...pieces]);
  return digest;
}

function digestError(file: string, problem: string): VolumeError {
  const fix = 'the file is damaged or was changed by hand: have it made again, or put it back from a copy';
  return new VolumeError('DMX_SAFETENSORS_DIGEST', { file, problem, fix });
}

async function headerOf(path: string, length: number): Promise<Uint8Array> {
  const { file } = await openForReading(path);
  try {
    const header = new Uint8Array(length);
    await readAt(file, header, 0);
    return header;
  } finally {
    await file.close();
  }
}

/** @throws VolumeError `DMX_SAFETENSORS_DIGEST` where the header is not the one that was written. */
async function assertHeader(path: string, { metadata, dataStart }: SafetensorsFile): Promise<string> {
  const digest = metadata[OF_HEADER];
  if (digest === undefined || metadata[OF_TENSORS] === undefined)
    throw digestError(path, 'carries no digest of itself');
  const header = await headerOf(path, dataStart);
  const place = placeOf(header, digest);
  if (place >= 0) header.fill(BLANK.charCodeAt(0), place, place + BLANK.length);
  const found = sha256(header);
  if (found !== digest) throw digestError(path, `its header has the sha256 ${found}, and says ${digest}`);
  return digest;
}

/**
 * Opens a file of {@link writeSealed} to read its tensors one at a time; close it when done. The header is compared with its
 * digest at once, each tensor when it is read.
 * @throws VolumeError `DMX_SAFETENSORS_DIGEST`; as `openSafetensors`.
 */
export async function openSealed(path: string): Promise<SealedFile> {
  const file = await openSafetensors(path);
  try {
    const digest = await assertHeader(path, file);
    const digests = JSON.parse(file.metadata[OF_TENSORS]!) as Readonly<Record<string, string>>;
    const read = async (name: string): Promise<Tensor> => {
      const tensor = await file.read(name);
      const found = sha256(bytesOf(tensor));
      if (found === digests[name]) return tensor;
      throw digestError(path, `its tensor "${name}" has the sha256 ${found}, and was written with ${digests[name]}`);
    };
    return { ...file, digest, read };
  } catch (error) {
    await file.close();
    throw error;
  }
}
