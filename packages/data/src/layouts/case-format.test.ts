import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DmxError } from '@dinomix/core';
import { createVolume } from '@dinomix/volume';
import { beforeEach, expect, test } from 'vitest';
import { createBenchmarkDataset } from '../benchmarks/benchmark-dataset.js';
import { RECIPES } from '../benchmarks/recipes.js';
import type { CaseFormat } from './case-format.js';

const sha = (text: string) => createHash('sha256').update(text).digest('hex');
const CLASSES = ['background', 'liver'].map((name, index) => ({
  index,
  name,
  colour: [0, 0, 0] as const,
  tail: false,
}));

// An image is a folder of slices, one file of numbers each; a label is a file of numbers.
const numbers = async (file: string) => (await readFile(file, 'utf8')).trim().split(' ').map(Number);
const slices = async (folder: string) => (await readdir(folder)).sort().map((name) => join(folder, name));
let opened: string[] = [];

const FORMAT: CaseFormat = {
  inspectImage: async (folder) => {
    const { shape, spacing, affine } = await FORMAT.readImage(folder);
    const notes = [{ severity: 'warning', message: 'is a toy', fix: 'write a real file' }] as const;
    return { grid: { shape, spacing, affine }, datatype: 'int16', notes };
  },
  inspectLabel: async (_file, image) => ({ grid: image!, datatype: 'float64' }),
  readImage: async (folder) => {
    const rows = await Promise.all((await slices(folder)).map(numbers));
    const data = Int16Array.from(rows.flat());
    return createVolume({ data, shape: [rows.length, 1, rows[0]!.length], spacing: [3, 1, 1] });
  },
  readLabel: async (file, { shape, affine }) => {
    opened.push(file);
    const data = Float64Array.from(await numbers(file));
    if (data.some((value) => value > 8))
      throw new DmxError({ code: 'DMX_TOY', summary: 'Toy', why: 'has a nine', fix: 'take it out' });
    return createVolume({ data, shape, affine });
  },
  filesOf: async (path) => (path.endsWith('.txt') ? [path] : slices(path)),
};

let root: string;

beforeEach(async () => {
  opened = [];
  root = await mkdtemp(join(tmpdir(), 'dinomix-format-'));
  for (const id of ['a', 'b']) {
    await mkdir(join(root, id));
    await writeFile(join(root, id, '0'), '-900 0 1');
    await writeFile(join(root, id, '1'), `${id === 'a' ? 5 : 6} 7 8`);
    await writeFile(join(root, `${id}.txt`), '0 1 1 0 0 1');
  }
});

const open = () =>
  createBenchmarkDataset({
    title: 'T',
    licence: 'L',
    root,
    classes: CLASSES,
    cases: ['a', 'b'].map((id) => ({ id, image: join(root, id), label: join(root, `${id}.txt`), isTest: false })),
    splits: { labelled: ['a'], unlabelled: ['b'], validation: [], test: [] },
    problems: [],
    recipe: RECIPES.p2,
    format: { format: FORMAT, reading: { toy: 1 }, module: 'file:///toy.js' },
    options: { tolerance: 0.01, cache: null },
    isCt: () => true,
  });

test('a format of a plugin reads images and labels; that of an unlabelled case stays closed', async () => {
  const dataset = open();
  expect(dataset.workerSource).toMatchObject({
    module: 'file:///toy.js',
    export: 'createCaseReader',
    options: { classCount: 2, tolerance: 0.01, reading: { toy: 1 } },
  });
  expect(await dataset.readCase('b', 'unlabelled')).toMatchObject({ label: null, image: { shape: [2, 1, 3] } });
  expect(opened).toEqual([]);
  const { image, label } = await dataset.readCase('a', 'labelled');
  expect([...image.data]).toEqual([-900, 0, 1, 5, 7, 8]);
  expect([...label!.data]).toEqual([0, 1, 1, 0, 0, 1]);
});

test('stamp and digest are those of every file behind a path', async () => {
  const dataset = open();
  const { stamp, reading } = await dataset.identify!('a', 'labelled');
  expect(reading).toEqual({ classCount: 2, tolerance: 0.01, toy: 1 });
  const label = sha('0 1 1 0 0 1');
  const image = sha(`${sha('-900 0 1')} ${sha('5 7 8')}`);
  expect((await dataset.fingerprint()).cases).toEqual({
    a: { image, label },
    b: { image: sha(`${sha('-900 0 1')} ${sha('6 7 8')}`), label: null },
  });
  await writeFile(join(root, 'a', '1'), '5 7 99');
  expect((await dataset.identify!('a', 'labelled')).stamp).not.toBe(stamp);
});

test('what a format notes and throws is in the check', async () => {
  await writeFile(join(root, 'a.txt'), '0 1 1 0 0 9');
  const found: string[] = [];
  for await (const { severity, file, message } of open().check()) {
    found.push(`${severity} ${file.replace(root, '')}: ${message}`);
  }
  expect(found).toEqual([
    'warning /a: is a toy',
    'warning /a.txt: stores its labels as float64',
    'error /a.txt: has a nine',
    'warning /b: is a toy',
  ]);
  expect(opened).toEqual([join(root, 'a.txt')]);
});
