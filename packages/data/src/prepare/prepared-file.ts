import { dirname, join } from 'node:path';
import type { CaseRole, Index3, JsonObject, Preprocessing } from '@dinomix/core';
import { hashJson } from '@dinomix/core/hash-json';
import {
  createGrid,
  fromFloat16,
  type Grid,
  makeFolder,
  openSealed,
  type SealedFile,
  type Tensor,
  toFloat16,
  VolumeError,
  voxelCount,
  writeSealed,
} from '@dinomix/volume';
import type { PreparedCase } from './prepare-case.js';
import type { PreparedMark } from './prepared-mark.js';

/** Rises when the content of a file changes its meaning. */
const FORMAT = 1;

/**
 * Returns the file that holds a case: another recipe, other options of reading or another choice of the label give another
 * name. A changed image or label does not: the file itself tells what it was made from.
 */
export function preparedFile(
  folder: string,
  caseId: string,
  role: CaseRole,
  recipe: { readonly preprocessing: Preprocessing; readonly classCount: number; readonly reading: JsonObject },
): string {
  const part = role === 'unlabelled' ? 'image' : 'pair';
  return join(folder, `${caseId}.${part}.${hashJson({ format: FORMAT, ...recipe }).slice(0, 16)}.safetensors`);
}

/** Whether two cases were made from the same bytes. */
export function sameDigests(a: PreparedMark['digests'], b: PreparedMark['digests']): boolean {
  return a.image === b.image && a.label === b.label;
}

/** Rounds intensities to float16 in place, so that a fresh case equals the one that is read again. */
export function roundToStored(image: Float32Array): Uint16Array {
  const bits = toFloat16(image);
  fromFloat16(bits, image);
  return bits;
}

/** The folder of prepared files takes no more; nothing is wrong with the case. */
export class PreparedWriteError extends Error {}

/**
 * Writes a case, atomically: image as float16, label as uint8, the geometry that brings predictions back.
 * @param bits - the image as {@link roundToStored} returned it.
 * @throws PreparedWriteError where the file cannot be written.
 */
export async function writePrepared(
  file: string,
  prepared: PreparedCase,
  bits: Uint16Array,
  made: PreparedMark,
): Promise<void> {
  const { shape, spacing, affine, source, box, label } = prepared;
  const tensors: Record<string, Tensor> = { image: { dtype: 'F16', shape: [...shape], data: bits } };
  // A copy out of shared memory, which file handles do not take.
  if (label !== null) tensors.label = { dtype: 'U8', shape: [...shape], data: Uint8Array.from(label) };
  const geometry = JSON.stringify({ grid: { shape, spacing, affine }, source, box });
  try {
    await makeFolder(dirname(file));
    await writeSealed(file, tensors, { geometry, made: JSON.stringify(made) });
  } catch (cause) {
    throw new PreparedWriteError(cause instanceof VolumeError ? cause.problem : String(cause), { cause });
  }
}

function intoShared(data: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(data.byteLength));
  copy.set(data);
  return copy;
}

async function decode(stored: SealedFile, caseId: string, role: CaseRole) {
  const { geometry: place, made } = stored.metadata;
  const image = stored.entries.has('image') ? await stored.read('image') : null;
  const label = stored.entries.has('label') ? await stored.read('label') : null;
  if (place === undefined || made === undefined || image?.dtype !== 'F16') return null;
  if (label !== null && label.dtype !== 'U8') return null;
  // Only here: a thread that prepares a data set for the first time starts sooner, and has less to sweep, without the parser.
  const { parseGeometry, parseMark } = await import('./prepared-schema.js');
  const { grid: own, source, box } = parseGeometry(place);
  const count = voxelCount(own.shape);
  if (image.data.length !== count || (label !== null && label.data.length !== count)) return null;
  const gridOf = ({ shape, spacing, affine }: Grid): Grid => createGrid(shape as Index3, spacing, affine);
  const prepared: PreparedCase = {
    caseId,
    role,
    ...gridOf(own),
    image: fromFloat16(image.data, new Float32Array(new SharedArrayBuffer(4 * count))),
    label: label === null ? null : intoShared(label.data),
    source: gridOf(source),
    box,
  };
  return { prepared, made: parseMark(made) };
}

/** Reads a case and what it was made from; null where there is no such file, or anything in it is not what was written. */
export async function readPrepared(
  file: string,
  caseId: string,
  role: CaseRole,
): Promise<{ readonly prepared: PreparedCase; readonly made: PreparedMark } | null> {
  try {
    const stored = await openSealed(file);
    try {
      return await decode(stored, caseId, role);
    } finally {
      await stored.close();
    }
  } catch {
    // Whatever is wrong with it, the case can be prepared again from its source.
    return null;
  }
}
