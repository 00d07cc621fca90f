import { copyFile, cp, mkdir, mkdtemp, readdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { DataProblem, Dataset } from '@dinomix/core';
import { SYNAPSE_IDS, SYNAPSE_MANIFESTS } from '@dinomix/data';
import { writePhantomDataset } from '@dinomix/dataset-phantom';
import { orientationOf } from '@dinomix/volume';
import { beforeAll, describe, expect, test } from 'vitest';
import { openSynapseDataset } from './dataset.js';
import { optionsSchema, type SynapseInput } from './options.js';

const open = (input: SynapseInput): Promise<Dataset> => openSynapseDataset(optionsSchema.parse(input));

async function check(dataset: Dataset): Promise<DataProblem[]> {
  const problems: DataProblem[] = [];
  for await (const problem of dataset.check()) problems.push(problem);
  return problems;
}

const temporary = () => mkdtemp(join(tmpdir(), 'dinomix-synapse-'));

/** A folder with the file names of the 30 cases and no content: opening a data set reads none. */
async function emptyFolder(image = 'RawData/Training/img', label = 'RawData/Training/label'): Promise<string> {
  const root = await temporary();
  for (const id of SYNAPSE_IDS) {
    for (const file of [join(root, image, `img${id}.nii.gz`), join(root, label, `label${id}.nii.gz`)]) {
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, '');
    }
  }
  return root;
}

let phantoms: string;
beforeAll(async () => {
  phantoms = await temporary();
  await writePhantomDataset({ layout: 'synapse', cases: 4, seed: 0, out: phantoms, size: [32, 64, 64] });
});

async function copyOfPhantoms(): Promise<string> {
  const root = await temporary();
  await cp(phantoms, root, { recursive: true });
  return root;
}

describe('published splits', () => {
  test.each([
    ['skcdf', 0.1, [2, 18, 4, 6]],
    ['skcdf', 0.2, [4, 16, 4, 6]],
    ['skcdf', 0.4, [8, 12, 4, 6]],
    ['genericssl', 0.2, [4, 16, 4, 6]],
    ['dhc-2023', 0.1, [2, 18, 4, 6]],
    ['dhc-2023', 0.2, [4, 16, 4, 6]],
    ['dhc-2023', 0.4, [8, 12, 4, 6]],
  ] as const)('%s at %s has %j cases, all 30 once', async (split, labelled, sizes) => {
    const { splits } = await open({ root: await emptyFolder(), split, labelled });
    const { labelled: first, unlabelled, validation, test: held } = splits;
    expect([first, unlabelled, validation, held].map((ids) => ids.length)).toEqual(sizes);
    expect([...first, ...unlabelled, ...validation, ...held].sort()).toEqual(SYNAPSE_IDS);
  });

  test('skcdf is the default, with the test cases that genericssl has too', async () => {
    const { splits } = await open({ root: await emptyFolder() });
    expect(splits.labelled).toEqual(['0021', '0023', '0028', '0032']);
    expect(splits.test).toEqual(SYNAPSE_MANIFESTS.genericssl.test);
  });

  test('a share without a published list is an error that names the lists', async () => {
    const dataset = await open({ root: await emptyFolder(), split: 'genericssl', labelled: 0.1 });
    expect(() => dataset.splits).toThrow(/"labelled" is 0.1; the split "genericssl" has lists for 0.2/);
  });

  test('cases that are missing are named', async () => {
    const root = await emptyFolder();
    await rm(join(root, 'RawData/Training/label/label0033.nii.gz'));
    await rm(join(root, 'RawData/Training/img/img0002.nii.gz'));
    const dataset = await open({ root });
    expect(() => dataset.splits).toThrow(/1 unlabelled cases that are not there: 0002/);
    expect(() => dataset.splits).toThrow(/"0033" is test in the split "skcdf" and has no label file/);
    expect(() => dataset.splits).toThrow(/label0002.nii.gz cannot be used\n {2}why {2}is a label without an image/);
  });
});

describe('layouts', () => {
  test.each([
    ['RawData/Training/img', 'RawData/Training/label'],
    ['Abdomen/RawData/Training/img', 'Abdomen/RawData/Training/label'],
    ['Training/img', 'Training/label'],
    ['img', 'label'],
    ['imagesTr', 'labelsTr'],
  ])('%s and %s are found', async (image, label) => {
    const { splits } = await open({ root: await emptyFolder(image, label) });
    expect(splits.validation).toEqual(['0035', '0036', '0038', '0040']);
  });

  test('a folder without any of them says what was looked for', async () => {
    const dataset = await open({ root: await temporary() });
    expect(() => dataset.splits).toThrow(/none of the layouts RawData\/Training\/img/);
    expect((await check(dataset)).map(({ severity }) => severity)).toContain('error');
  });
});

describe('phantoms in the layout of the archive', () => {
  test('a drawn split reads them in the axes of the file, with the classes of the benchmark', async () => {
    const dataset = await open({ root: phantoms, split: 'drawn', labelled: 1, validation: 0.25, test: 0.25 });
    expect(Object.values(dataset.splits).map((ids) => ids.length)).toEqual([1, 1, 1, 1]);
    const [id] = dataset.splits.labelled;
    const { image, label } = await dataset.readCase(id!, 'labelled');
    expect(dataset.title).toContain('synthetic phantoms: not the published benchmark');
    expect(orientationOf(image.affine)).toBe('LAS');
    expect(label!.shape).toEqual([32, 64, 64]);
    expect(label!.data.reduce((a, b) => Math.max(a, b))).toBe(13);
    expect(dataset.classes.map(({ name }) => name)[12]).toBe('right adrenal gland');
    expect(dataset.preprocessing.grid).toEqual({ kind: 'shape', shape: [80, 160, 160] });
  });

  test('the label of an unlabelled case is never opened', async () => {
    const root = await copyOfPhantoms();
    const dataset = await open({ root, split: 'drawn', labelled: 1 });
    const [id] = dataset.splits.unlabelled;
    await writeFile(join(root, 'RawData/Training/label', `label${id}.nii.gz`), 'no NIfTI file');
    expect((await dataset.readCase(id!, 'unlabelled')).label).toBeNull();
    expect((await dataset.fingerprint()).cases[id!]!.label).toBeNull();
    expect((await check(dataset)).filter(({ severity }) => severity === 'error')).toEqual([]);
  });

  test('the check tells which of the 30 cases are not there, and a case under two ids', async () => {
    const root = await copyOfPhantoms();
    const folder = join(root, 'RawData/Training');
    await rename(join(folder, 'img/img0002.nii.gz'), join(folder, 'img/img0005.nii.gz'));
    await rename(join(folder, 'label/label0002.nii.gz'), join(folder, 'label/label0005.nii.gz'));
    await rm(join(folder, 'img/img0003.nii.gz'));
    await copyFile(join(folder, 'img/img0001.nii.gz'), join(folder, 'img/img0003.nii.gz'));
    expect(await readdir(join(folder, 'img'))).toHaveLength(4);
    const messages = (await check(await open({ root, split: 'drawn' }))).map(({ message }) => message);
    expect(messages.some((text) => text.startsWith('26 of the 30 official cases are not there: 0002 0006'))).toBe(true);
    expect(messages.some((text) => /has the same voxels as .*img0001.nii.gz \(case "0001"/.test(text))).toBe(true);
  });
});

describe('damage in the layout of the archive', () => {
  test('a missing label, a label without image and a cut gzip file are told of together, by file', async () => {
    const root = await copyOfPhantoms();
    const part = join(root, 'RawData/Training');
    await rm(join(part, 'label/label0002.nii.gz'));
    await rm(join(part, 'img/img0003.nii.gz'));
    const cut = join(part, 'img/img0004.nii.gz');
    await truncate(cut, 2000);
    const found = (await check(await open({ root, split: 'drawn' }))).map(
      ({ severity, file, message }) => `${severity} ${basename(file)}: ${message.replaceAll(root, '')}`,
    );
    expect(found).toContain('warning img0002.nii.gz: has no label in /RawData/Training/label');
    expect(found).toContain('error label0003.nii.gz: is a label without an image in /RawData/Training/img');
    expect(found).toContain('error img0004.nii.gz: ends in the middle of its gzip data');
  });
});

test('recipe p2 leaves the grid and flips alone', async () => {
  const { preprocessing, sampling } = await open({ root: await emptyFolder(), recipe: 'p2' });
  expect(preprocessing.grid).toEqual({ kind: 'keep' });
  expect(preprocessing.normalisation.steps).toEqual([
    { kind: 'clip', low: -125, high: 275 },
    { kind: 'affine', subtract: -125, divide: 400 },
  ]);
  expect(sampling.flips).toEqual([]);
});
