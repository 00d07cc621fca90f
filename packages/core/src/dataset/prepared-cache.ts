import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  type Affine,
  createVolume,
  type Grid,
  planReorientation,
  readSafetensors,
  reorient,
  resizeNearest,
  resizeTrilinear,
  type SafetensorsView,
  type Tensor,
  type Volume,
  writeSafetensors,
} from '@dinomix/volume';
import { hashJson } from '../config/fingerprint.js';
import type { Index3 } from '../slots/contracts/common.js';
import type { Preprocessing } from '../slots/contracts/dataset.js';

/** Rises when the content of a cached file changes its meaning. */
const FORMAT = 1;

/** An image and its label on one grid. */
export interface VolumePair {
  readonly image: Volume<Float32Array>;
  readonly label: Volume<Uint8Array> | null;
}

/** What a cached volume is made from: digests of the files and everything else that decides its voxels. */
export interface CacheKey {
  readonly id: string;
  readonly image: string;
  /** Null where the label was not read. */
  readonly label: string | null;
  readonly reading: {
    readonly geometry: string | null;
    readonly replaceNonFinite: number | null;
    readonly classCount: number;
  };
  readonly preprocessing: Preprocessing;
}

/** Shape of the working grid of a volume that has the axes of the network: the rule of the trainer. */
function workingShape(source: Grid, grid: Preprocessing['grid']): Index3 {
  if (grid.kind === 'keep') return source.shape;
  if (grid.kind === 'shape') return grid.shape;
  const sizes = source.shape.map((size, axis) =>
    Math.max(1, Math.round((size * source.spacing[axis]!) / grid.spacing[axis]!)),
  );
  return sizes as unknown as Index3;
}

/**
 * Brings a pair to the axes and the working grid of a recipe; intensities keep their unit. Doing it twice changes
 * nothing: a trainer that prepares the result again gets the same bytes as from the files.
 */
export function toWorkingGrid(
  { image, label }: VolumePair,
  { orientation, grid, labelRule }: Preprocessing,
): VolumePair {
  const turn = <T extends Float32Array | Uint8Array>(volume: Volume<T>): Volume<T> =>
    orientation === 'keep' ? volume : reorient(volume, planReorientation(volume));
  const turned = turn(image);
  const shape = workingShape(turned, grid);
  return {
    image: resizeTrilinear(turned, shape),
    label: label === null ? null : resizeNearest(turn(label), shape, { rule: labelRule ?? 'nearest-exact' }),
  };
}

/**
 * Whether a volume on its working grid stays on it when it is prepared again. Where a spacing gives a number of voxels
 * that ends in one half, rounding may not: such a volume must not be handed out in place of the file's.
 */
export function isStable({ image }: VolumePair, { grid }: Preprocessing): boolean {
  const again = workingShape(createVolume({ data: image.data, shape: image.shape, affine: image.affine }), grid);
  return again.every((size, axis) => size === image.shape[axis]);
}

/** Returns the file that holds the volume of a key: another image, label or recipe gives another name. */
export function cacheFile(folder: string, key: CacheKey): string {
  const { orientation, grid, labelRule } = key.preprocessing;
  const content = { format: FORMAT, ...key, preprocessing: { orientation, grid, labelRule } };
  return join(resolve(folder), `${key.id}.${hashJson(content).slice(0, 24)}.safetensors`);
}

function contentHash(tensors: readonly Tensor[]): string {
  const hash = createHash('sha256');
  for (const { data } of tensors) hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return hash.digest('hex');
}

/** Writes a pair, atomically: a process that is killed leaves no part of a file. */
export async function writePrepared(file: string, folder: string, { image, label }: VolumePair): Promise<void> {
  await mkdir(resolve(folder), { recursive: true });
  const shape = [...image.shape];
  const tensors: Record<string, Tensor> = { image: { dtype: 'F32', shape, data: image.data } };
  if (label !== null) tensors.label = { dtype: 'U8', shape, data: label.data };
  await writeSafetensors(file, tensors, {
    affine: JSON.stringify(image.affine),
    sha256: contentHash(Object.values(tensors)),
  });
}

/** Reads a pair; null if there is no such file or its content is not what was written. */
export async function readPrepared(file: string, withLabel: boolean): Promise<VolumePair | null> {
  let view: SafetensorsView;
  try {
    view = await readSafetensors(file);
  } catch {
    return null;
  }
  const names = withLabel ? ['image', 'label'] : ['image'];
  if (!names.every((name) => view.entries.has(name))) return null;
  const [image, label] = names.map((name) => view.tensor(name));
  const { affine, sha256 } = view.metadata;
  if (affine === undefined || sha256 !== contentHash(label === undefined ? [image!] : [image!, label])) return null;
  const grid = { shape: image!.shape as unknown as Index3, affine: JSON.parse(affine) as Affine };
  return {
    image: createVolume({ data: image!.data as Float32Array, ...grid }),
    label: label === undefined ? null : createVolume({ data: label.data as Uint8Array, ...grid }),
  };
}
