import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { CaseRole, Index3, JsonObject, Preprocessing } from '@dinomix/core';
import { hashJson } from '@dinomix/core/hash-json';
import {
  createGrid,
  fromFloat16,
  type Grid,
  readSafetensors,
  type SafetensorsView,
  type Tensor,
  toFloat16,
  voxelCount,
  writeSafetensors,
} from '@dinomix/volume';
import type { PreparedCase } from './prepare-case.js';

/** Rises when the content of a file changes its meaning. */
const FORMAT = 1;

/** What a prepared file was made from. */
export interface PreparedMark {
  readonly stamp: string;
  readonly digests: { readonly image: string; readonly label: string | null };
}

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

function contentHash(tensors: readonly Tensor[]): string {
  const hash = createHash('sha256');
  for (const { data } of tensors) hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return hash.digest('hex');
}

/**
 * Writes a case, atomically: image as float16, label as uint8, the geometry that brings predictions back.
 * @param bits - the image as {@link roundToStored} returned it.
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
  await writeSafetensors(file, tensors, {
    geometry: JSON.stringify({ grid: { shape, spacing, affine }, source, box }),
    made: JSON.stringify(made),
    sha256: contentHash(Object.values(tensors)),
  });
}

function intoShared(data: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(data.byteLength));
  copy.set(data);
  return copy;
}

async function decode(view: SafetensorsView, caseId: string, role: CaseRole) {
  const { geometry: place, made, sha256 } = view.metadata;
  const image = view.entries.has('image') ? view.tensor('image') : null;
  const label = view.entries.has('label') ? view.tensor('label') : null;
  if (place === undefined || made === undefined || image?.dtype !== 'F16') return null;
  if (label !== null && label.dtype !== 'U8') return null;
  if (sha256 !== contentHash(label === null ? [image] : [image, label])) return null;
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

/** Reads a case and what it was made from; null where there is no such file, or its content is not what was written. */
export async function readPrepared(
  file: string,
  caseId: string,
  role: CaseRole,
): Promise<{ readonly prepared: PreparedCase; readonly made: PreparedMark } | null> {
  try {
    return await decode(await readSafetensors(file), caseId, role);
  } catch {
    // Whatever is wrong with it, the case can be prepared again from its source.
    return null;
  }
}
