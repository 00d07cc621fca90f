import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { NnunetOptions } from '@dinomix/data';
import { createVolume, type Triple, type Volume, writeNifti } from '@dinomix/volume';
import { type NnunetInput, optionsSchema } from '../src/options.js';

export const SHAPE: Triple = [4, 5, 6];

/** A volume whose voxels follow from `seed`: images of two seeds differ. */
export function imageOf(seed: number, shape: Triple = SHAPE): Volume<Float32Array> {
  const data = Float32Array.from(
    { length: shape[0] * shape[1] * shape[2] },
    (_, i) => ((i * 37 + seed * 101) % 800) - 400,
  );
  return createVolume({ data, shape, spacing: [3, 1.5, 1.5] });
}

/** A label that holds the classes 0 to `classes` - 1 in turn. */
export function labelOf(classes = 3, shape: Triple = SHAPE): Volume<Uint8Array> {
  const data = Uint8Array.from({ length: shape[0] * shape[1] * shape[2] }, (_, i) => i % classes);
  return createVolume({ data, shape, spacing: [3, 1.5, 1.5] });
}

/** Files to write below a folder: a volume, bytes, or JSON. */
export type Files = Readonly<Record<string, Volume | Uint8Array | object>>;

export const DOCUMENT = {
  channel_names: { 0: 'CT' },
  labels: { background: 0, liver: 1, spleen: 2 },
  file_ending: '.nii.gz',
};

/** Writes a data set into a temporary folder and returns its path. */
export async function buildFolder(files: Files, document: object = DOCUMENT): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'dinomix-nnunet-'));
  for (const [name, content] of Object.entries({ 'dataset.json': document, ...files })) {
    const file = join(root, name);
    await mkdir(dirname(file), { recursive: true });
    if ('affine' in content && 'shape' in content) await writeNifti(file, content as Volume);
    else await writeFile(file, content instanceof Uint8Array ? content : JSON.stringify(content));
  }
  return root;
}

/** Pairs of image and label, and images without label. */
export function casesOf(labelled: readonly string[], unlabelled: readonly string[] = []): Files {
  const pairs = labelled.flatMap((id, index): [string, Volume][] => [
    [`imagesTr/${id}_0000.nii.gz`, imageOf(index)],
    [`labelsTr/${id}.nii.gz`, labelOf()],
  ]);
  const images = unlabelled.map((id, index): [string, Volume] => [`imagesTr/${id}_0000.nii.gz`, imageOf(100 + index)]);
  return Object.fromEntries([...pairs, ...images]);
}

/** Options with defaults. */
export function optionsOf(input: NnunetInput): NnunetOptions {
  return optionsSchema.parse(input);
}
