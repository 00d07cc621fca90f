import { mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRng, createVolume, writeNifti, writeSafetensors } from '@dinomix/volume';
import { network, weightsOf } from '../../plugins/teacher-dinov3/test/stored-weights.js';

/** What all commands of a campaign read, and none writes. */
export interface Material {
  readonly root: string;
  /** Folder of images to predict. */
  readonly images: string;
  /** Folder of weights to convert. */
  readonly weights: string;
}

const SHAPE = [20, 36, 40] as const;
const SPLIT = { labelled: ['a', 'b'], unlabelled: ['d'], validation: ['c'], test: ['e'] };

/** A ball and a bar in air, with noise; moved from case to case. */
function makeCase(number: number) {
  const [depth, height, width] = SHAPE;
  const rng = createRng({ seed: number, stream: 'kills/case' });
  const label = new Uint8Array(depth * height * width);
  const image = Float32Array.from(label, (_, index) => {
    const [z, y, x] = [Math.floor(index / (height * width)), Math.floor(index / width) % height, index % width];
    const inBall = (z - 10) ** 2 + (y - 18) ** 2 + (x - 14 - 2 * (number % 3)) ** 2 < 60;
    label[index] = inBall ? 1 : Number(x > 30 && y > 26) * 2;
    return [-1000, 100, 400][label[index]!]! + Math.round(40 * rng.uniform());
  });
  const spacing = [2, 1, 1] as const;
  return {
    image: createVolume({ data: image, shape: SHAPE, spacing }),
    label: createVolume({ data: label, shape: SHAPE, spacing }),
  };
}

/** Writes data, images to predict and weights to convert. */
export async function createMaterial(): Promise<Material> {
  const root = await mkdtemp(join(tmpdir(), 'dinomix-kills-'));
  const [images, weights] = [join(root, 'images'), join(root, 'weights')];
  for (const name of ['data/imagesTr', 'data/labelsTr', 'images', 'weights'])
    await mkdir(join(root, name), { recursive: true });
  for (const [number, id] of ['a', 'b', 'c', 'd', 'e'].entries()) {
    const { image, label } = makeCase(number);
    await writeNifti(join(root, `data/imagesTr/${id}_0000.nii.gz`), image);
    if (id !== 'd') await writeNifti(join(root, `data/labelsTr/${id}.nii.gz`), label);
    if (number < 3) await writeNifti(join(images, `${id}.nii.gz`), image);
  }
  const labels = { background: 0, ball: 1, bar: 2 };
  const document = { channel_names: { 0: 'CT' }, labels, numTraining: 5, file_ending: '.nii.gz' };
  await writeFile(join(root, 'data/dataset.json'), JSON.stringify(document));
  await writeFile(join(root, 'data/split.json'), JSON.stringify(SPLIT));
  const given = network('gelu');
  await writeSafetensors(join(weights, 'model.safetensors'), weightsOf(given));
  await writeFile(join(weights, 'config.json'), JSON.stringify(given.config));
  return { root, images, weights };
}

/** DINO-Mix at toy size: every kind of file that a run writes. */
const configText = (root: string): string => `
import { onnxruntime } from '@dinomix/backend-onnxruntime';
import { defineConfig } from '@dinomix/core';
import { nnunet } from '@dinomix/dataset-nnunet';
import { overlap } from '@dinomix/metric-overlap';
import { dinomix } from '@dinomix/preset-dinomix';
import { html } from '@dinomix/reporter-html';
import { jsonl } from '@dinomix/reporter-jsonl';

const root = ${JSON.stringify(join(root, 'data'))};
export default defineConfig({
  name: 'kills',
  extends: [dinomix()],
  plugins: [
    onnxruntime(),
    nnunet({ root, split: root + '/split.json', grid: 'keep', cache: 'prepared' }),
    overlap(),
    jsonl(),
    html(),
  ],
  options: {
    'student:vnet': { filters: 2, dropout: 0 },
    'teacher:dinov3': { control: { channels: 24, blocks: 1, heads: 2 }, threads: 1, cache: {}, subtractMean: true },
  },
  threads: 1,
  train: { epochs: 3, stepsPerEpoch: 2, patch: [16, 32, 32], batch: { labelled: 1, unlabelled: 1 }, workers: 1 },
});
`;

/** A folder of its own with the config, that sees the packages of this workspace. */
export async function createFolder({ root }: Material): Promise<string> {
  const folder = await mkdtemp(join(root, 'case-'));
  await symlink(fileURLToPath(new URL('../node_modules', import.meta.url)), join(folder, 'node_modules'));
  await writeFile(join(folder, 'dinomix.config.mjs'), configText(root));
  return folder;
}
