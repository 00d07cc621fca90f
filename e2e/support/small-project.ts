import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Affine, createVolume, writeNifti } from '@dinomix/volume';
import { onTestFinished } from 'vitest';

/** Voxels of a case `[d, h, w]`. */
export const SHAPE = [8, 16, 16] as const;
const AFFINE: Affine = [
  [1, 0, 0, 0],
  [0, 1, 0, 0],
  [0, 0, 2, 0],
  [0, 0, 0, 1],
];
const HU = [-1000, 100, 400] as const;

/** Image and label of one case: a ball (class 1) and a bar (class 2) in air, moved and made noisy by the case's number. */
export function makeCase(number: number) {
  const [depth, height, width] = SHAPE;
  const label = new Uint8Array(depth * height * width);
  const image = new Float32Array(label.length);
  for (let index = 0; index < label.length; index++) {
    const [z, y, x] = [Math.floor(index / 256), Math.floor(index / 16) % 16, index % 16];
    const inBall = (z - 3) ** 2 + (y - 8) ** 2 + (x - 6 - (number % 3)) ** 2 < 12;
    label[index] = inBall ? 1 : Number(x > 12 && y > 12) * 2;
    image[index] = HU[label[index]!]! + ((index * 7919 + number * 104729) % 41);
  }
  return {
    image: createVolume({ data: image, shape: SHAPE, affine: AFFINE }),
    label: createVolume({ data: label, shape: SHAPE, affine: AFFINE }),
  };
}

/** What a test adds to the config, as source text. */
export interface ConfigParts {
  /** Statements before the plugins. */
  readonly before?: string;
  /** Entries of `plugins`, made by `plugin(name, provides, setup)`. */
  readonly plugins?: string;
  /** Entries of `train`. */
  readonly train?: string;
}

const DOCUMENT = {
  channel_names: { 0: 'CT' },
  labels: { background: 0, ball: 1, bar: 2 },
  numTraining: 4,
  file_ending: '.nii.gz',
};
const SPLIT = { labelled: ['a', 'b'], unlabelled: ['d'], validation: ['c'], test: [] };

function extrasText({ before = '', plugins = '', train = '' }: ConfigParts): string {
  return `
import { definePlugin } from '@dinomix/core';

const noOptions = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } };
/** A plugin of one setup function. */
const plugin = (name, provides, setup) =>
  definePlugin({ name, version: '1.0.0', core: '^1.0.0', api: 1, provides, options: noOptions, setup })();
${before}
export const plugins = [${plugins}];
export const train = { ${train} };
`;
}

/**
 * A folder with a config, and a data set in the nnU-Net layout: a and b labelled, d without a label, c for validation. It
 * sees the packages of this workspace as installed ones, and is removed after the test.
 */
export async function createProject(parts: ConfigParts = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'dinomix-e2e-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await symlink(fileURLToPath(new URL('../node_modules', import.meta.url)), join(folder, 'node_modules'));
  for (const name of ['imagesTr', 'labelsTr']) await mkdir(join(folder, 'data', name), { recursive: true });
  for (const [number, id] of ['a', 'b', 'c', 'd'].entries()) {
    const { image, label } = makeCase(number);
    await writeNifti(join(folder, 'data', 'imagesTr', `${id}_0000.nii.gz`), image);
    if (id !== 'd') await writeNifti(join(folder, 'data', 'labelsTr', `${id}.nii.gz`), label);
  }
  await writeFile(join(folder, 'data', 'dataset.json'), JSON.stringify(DOCUMENT));
  await writeFile(join(folder, 'data', 'split.json'), JSON.stringify(SPLIT));
  await copyFile(new URL('project/dinomix.config.ts', import.meta.url), join(folder, 'dinomix.config.ts'));
  await writeFile(join(folder, 'extras.mjs'), extrasText(parts));
  return folder;
}

/** Path of a case's image or label in a project. */
export function fileOf(folder: string, kind: 'image' | 'label', id: string): string {
  return kind === 'image'
    ? join(folder, `data/imagesTr/${id}_0000.nii.gz`)
    : join(folder, `data/labelsTr/${id}.nii.gz`);
}
