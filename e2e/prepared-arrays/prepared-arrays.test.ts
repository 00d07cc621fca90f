import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readNifti, type Triple, type Volume } from '@dinomix/volume';
import h5wasm from 'h5wasm/node';
import { expect, it } from 'vitest';
import { dinomix } from '../support/command.js';
import { createProject, makeCase } from '../support/small-project.js';

type Kind = 'npy' | 'h5';
type Numbers = Float32Array | Int8Array;

interface Case {
  readonly id: string;
  readonly image: Volume;
  readonly label: Volume;
}

/** As numpy.save writes it. */
async function writeNpy(file: string, code: string, data: Numbers, shape: Triple): Promise<void> {
  const text = `{'descr': '${code}', 'fortran_order': False, 'shape': (${shape.join(', ')}), }`.padEnd(117);
  const prefix = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, 118, 0]);
  await writeFile(file, Buffer.concat([prefix, Buffer.from(`${text}\n`), Buffer.from(data.buffer)]));
}

/** The elements with x first, as nibabel has them. */
function withXFirst<T extends Numbers>(data: T, [depth, height, width]: Triple): T {
  return data.map((_, index) => {
    const [x, y, z] = [Math.floor(index / (height * depth)), Math.floor(index / depth) % height, index % depth];
    return data[(z * height + y) * width + x]!;
  }) as T;
}

/** Files as DHC (npy) and SSL4MIS (h5) have them. The last case validates, the others train; two of them have labels. */
async function writeArrays(folder: string, kind: Kind, cases: readonly Case[]): Promise<void> {
  await mkdir(join(folder, kind === 'npy' ? 'npy' : 'data'), { recursive: true });
  await h5wasm.ready;
  for (const { id, image, label } of cases) {
    const [intensities, classes] = [Float32Array.from(image.data), Int8Array.from(label.data)];
    if (kind === 'npy') {
      await writeNpy(join(folder, `npy/${id}_image.npy`), '<f4', intensities, image.shape);
      await writeNpy(join(folder, `npy/${id}_label.npy`), '|i1', classes, image.shape);
      continue;
    }
    const file = new h5wasm.File(join(folder, `data/${id}.h5`), 'w');
    const shape = [...image.shape].reverse();
    const rest = { shape, chunks: shape, compression: 'gzip' as const };
    file.create_dataset({ name: 'image', data: withXFirst(intensities, image.shape), ...rest });
    file.create_dataset({ name: 'label', data: withXFirst(classes, image.shape), ...rest });
    file.close();
  }
  const ids = cases.map(({ id }) => `${id}\n`);
  const lists = kind === 'npy' ? join(folder, 'splits') : folder;
  await mkdir(lists, { recursive: true });
  await writeFile(join(lists, 'train.txt'), ids.slice(0, -1).join(''));
  if (kind === 'npy') await writeFile(join(lists, 'labeled_40p.txt'), ids.slice(0, 2).join(''));
  await writeFile(join(lists, kind === 'npy' ? 'eval.txt' : 'val.txt'), ids.at(-1)!);
}

async function lossesOf(run: string): Promise<readonly number[]> {
  const events = (await readFile(join(run, 'events.jsonl'), 'utf8')).trimEnd().split('\n');
  return events.map((line) => JSON.parse(line)).flatMap(({ type, loss }) => (type === 'step' ? [loss] : []));
}

/** A project with the data set `arrays` of its folder `arrays`. */
function projectOf(options: string): Promise<string> {
  return createProject({
    before: `import { arrays } from '@dinomix/dataset-arrays';`,
    plugins: `arrays({ root: 'arrays', recipe: 'p1', labelled: 2, ${options} })`,
  });
}

async function run(folder: string, dataset: string, ...args: readonly string[]): Promise<string> {
  const { code, out, err } = await dinomix(folder, ...args, '--use', `dataset=${dataset}`);
  expect({ args, code, err, out }).toMatchObject({ code: 0 });
  return out;
}

it.each(['npy', 'h5'] as const)('%s files train to the bits that the same volumes give as NIfTI', async (kind) => {
  const folder = await projectOf(`classes: ['background', 'ball', 'bar'], spacing: [2, 1, 1]`);
  const cases = ['a', 'b', 'd', 'c'].map((id) => ({ id, ...makeCase('abcd'.indexOf(id)) }));
  await writeArrays(join(folder, 'arrays'), kind, cases);
  await run(folder, 'nnunet', 'train', '-o', 'nifti');
  await run(folder, 'arrays', 'train', '-o', 'arrays-run');
  const losses = await lossesOf(join(folder, 'nifti'));
  expect(losses).toHaveLength(2);
  expect(await lossesOf(join(folder, 'arrays-run'))).toEqual(losses);
});

it.each(['npy', 'h5'] as const)('phantoms as %s files: checked, prepared, trained, evaluated', async (kind) => {
  const folder = await projectOf(`classes: 'synapse', grid: { shape: [16, 32, 32] }, cache: 'cache'`);
  const phantom = ['--layout', 'synapse', '--cases', '4', '--size', '32,64,64', '--out', 'scans'];
  expect((await dinomix(folder, 'data', 'phantom', ...phantom)).code).toBe(0);
  const scans = (await readdir(join(folder, 'scans'), { recursive: true })).filter((name) => name.endsWith('.nii.gz'));
  const read = async (name: string) => (await readNifti(join(folder, 'scans', name))).volume;
  const cases: Case[] = [];
  for (const name of scans.filter((one) => /img\d{4}\.nii\.gz$/.test(one)).sort()) {
    const id = name.slice(-11, -7);
    const label = scans.find((one) => one.endsWith(`label${id}.nii.gz`))!;
    cases.push({ id, image: await read(name), label: await read(label) });
  }
  await writeArrays(join(folder, 'arrays'), kind, cases);
  expect(await run(folder, 'arrays', 'data', 'check')).toContain('0 errors');
  expect(await run(folder, 'arrays', 'data', 'fingerprint', '--out', 'facts')).toContain(
    'voxels  32 / 32 / 32   64 / 64 / 64',
  );
  await run(folder, 'arrays', 'data', 'prepare', '--workers', '2');
  expect((await readdir(join(folder, 'cache'))).filter((name) => name.endsWith('.safetensors'))).toHaveLength(4);
  await run(folder, 'arrays', 'train', '-o', 'run');
  const { code, out } = await dinomix(folder, 'eval', 'run', '--split', 'validation', '--json');
  expect(code).toBe(0);
  expect(JSON.parse(out.trimEnd().split('\n').at(-1)!).report.perClass.dice).toHaveLength(14);
});
