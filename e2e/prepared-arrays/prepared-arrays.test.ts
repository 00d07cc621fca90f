import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Volume } from '@dinomix/volume';
import h5wasm from 'h5wasm/node';
import { expect, it } from 'vitest';
import { dinomix } from '../support/command.js';
import { createProject, makeCase, SHAPE } from '../support/small-project.js';

const IDS = ['a', 'b', 'c', 'd'];

/** As numpy.save writes it. */
async function writeNpy(file: string, code: string, data: Float32Array | Int8Array): Promise<void> {
  const text = `{'descr': '${code}', 'fortran_order': False, 'shape': (${SHAPE.join(', ')}), }`.padEnd(117);
  const prefix = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, 118, 0]);
  await writeFile(file, Buffer.concat([prefix, Buffer.from(`${text}\n`), Buffer.from(data.buffer)]));
}

/** The elements with x first, as nibabel has them. */
function withXFirst<T extends Float32Array | Int8Array>(data: T): T {
  const [depth, height, width] = SHAPE;
  return data.map((_, index) => {
    const [x, y, z] = [Math.floor(index / (height * depth)), Math.floor(index / depth) % height, index % depth];
    return data[(z * height + y) * width + x]!;
  }) as T;
}

async function writeArrays(folder: string, kind: 'npy' | 'h5'): Promise<void> {
  await mkdir(join(folder, kind === 'npy' ? 'npy' : 'data'), { recursive: true });
  await h5wasm.ready;
  for (const [number, id] of IDS.entries()) {
    const { image, label } = makeCase(number) as { readonly image: Volume<Float32Array>; readonly label: Volume };
    const classes = Int8Array.from(label.data);
    if (kind === 'npy') {
      await writeNpy(join(folder, `npy/${id}_image.npy`), '<f4', image.data);
      await writeNpy(join(folder, `npy/${id}_label.npy`), '|i1', classes);
      continue;
    }
    const file = new h5wasm.File(join(folder, `data/${id}.h5`), 'w');
    const [depth, height, width] = SHAPE;
    const rest = { shape: [width, height, depth], chunks: [width, height, depth], compression: 'gzip' as const };
    file.create_dataset({ name: 'image', data: withXFirst(image.data), ...rest });
    file.create_dataset({ name: 'label', data: withXFirst(classes), ...rest });
    file.close();
  }
  const lists = kind === 'npy' ? join(folder, 'splits') : folder;
  await mkdir(lists, { recursive: true });
  await writeFile(join(lists, 'train.txt'), 'a\nb\nd\n');
  if (kind === 'npy') await writeFile(join(lists, 'labeled_40p.txt'), 'a\nb\n');
  await writeFile(join(lists, kind === 'npy' ? 'eval.txt' : 'val.txt'), 'c\n');
}

async function lossesOf(run: string): Promise<readonly number[]> {
  const events = (await readFile(join(run, 'events.jsonl'), 'utf8')).trimEnd().split('\n');
  return events.map((line) => JSON.parse(line)).flatMap(({ type, loss }) => (type === 'step' ? [loss] : []));
}

/** A project whose folder `arrays` holds the cases of its NIfTI files. */
async function projectOf(kind: 'npy' | 'h5', cache: string | null): Promise<string> {
  const options = `root: 'arrays', classes: ['background', 'ball', 'bar'], spacing: [2, 1, 1], recipe: 'p1', labelled: 2`;
  const folder = await createProject({
    before: `import { arrays } from '@dinomix/dataset-arrays';`,
    plugins: `arrays({ ${options}, cache: ${JSON.stringify(cache)} })`,
  });
  await writeArrays(join(folder, 'arrays'), kind);
  return folder;
}

async function run(folder: string, dataset: string, ...args: readonly string[]): Promise<string> {
  const { code, out, err } = await dinomix(folder, ...args, '--use', `dataset=${dataset}`);
  expect({ args, code, err, out }).toMatchObject({ code: 0 });
  return out;
}

it.each(['npy', 'h5'] as const)('%s files train to the bits that the same volumes give as NIfTI', async (kind) => {
  const folder = await projectOf(kind, null);
  expect(await run(folder, 'arrays', 'data', 'check')).toContain('0 errors');
  await run(folder, 'nnunet', 'train', '-o', 'nifti');
  await run(folder, 'arrays', 'train', '-o', 'arrays-run');
  const losses = await lossesOf(join(folder, 'nifti'));
  expect(losses).toHaveLength(2);
  expect(await lossesOf(join(folder, 'arrays-run'))).toEqual(losses);
});

it.each(['npy', 'h5'] as const)('%s files: prepared, trained, evaluated', async (kind) => {
  const folder = await projectOf(kind, 'cache');
  await run(folder, 'arrays', 'data', 'prepare', '--workers', '2');
  expect((await readdir(join(folder, 'cache'))).filter((name) => name.endsWith('.safetensors'))).toHaveLength(4);
  await run(folder, 'arrays', 'train', '-o', 'run');
  const { code, out } = await dinomix(folder, 'eval', 'run', '--split', 'validation', '--json');
  expect(code).toBe(0);
  expect(JSON.parse(out.trimEnd().split('\n').at(-1)!).report.perClass.dice).toHaveLength(3);
});
