import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createBenchmarkDataset } from '../benchmarks/benchmark-dataset.js';
import { RECIPES } from '../benchmarks/recipes.js';
import { errorOf } from '../check/problems.js';
import { niftiFormat } from './nifti.js';
import { officialProblems, scanPairs } from './scan-pairs.js';

const OPTIONS = { tolerance: 0.01, cache: null };
const SPLITS = { labelled: ['a'], unlabelled: [], validation: [], test: [] };
const CLASSES = [{ index: 0, name: 'background', colour: [0, 0, 0], tail: false }] as const;

const describe = (problems: Parameters<typeof createBenchmarkDataset>[0]['problems']) =>
  createBenchmarkDataset({
    title: 'T',
    licence: 'L',
    root: '/data',
    classes: CLASSES,
    cases: [{ id: 'a', image: '/data/a.nii', label: '/data/a-label.nii', isTest: false }],
    splits: SPLITS,
    problems,
    recipe: RECIPES.p1,
    format: niftiFormat({ geometry: null, replaceNonFinite: null }),
    options: OPTIONS,
    isCt: () => true,
  });

test('an unknown case is refused with the ids that are there', async () => {
  await expect(describe([]).readCase('b', 'labelled')).rejects.toMatchObject({
    code: 'DMX_DATASET_CASE',
    why: 'The folder has 1 cases: a.',
  });
});

test('with errors every use is refused with all of them, and the check still runs', async () => {
  const finding = { file: '/data/x', message: 'is broken', fix: 'repair it' };
  const one = describe([errorOf(finding)]);
  expect(() => one.splits).toThrow(expect.objectContaining({ code: 'DMX_DATASET_UNUSABLE', why: 'is broken' }));
  const two = describe([errorOf(finding), errorOf({ ...finding, file: '/data/y' })]);
  expect(() => two.classes).toThrow(/\/data\/x cannot be used[\s\S]*\/data\/y cannot be used/);
  const files: string[] = [];
  for await (const { file } of two.check()) files.push(file);
  expect(files).toEqual(['/data/x', '/data/y', '/data/a.nii', '/data/a-label.nii']);
});

test('pairs: a missing partner, one id twice, gaps and strangers', async () => {
  const [images, labels] = [await mkdtemp(join(tmpdir(), 'dmx-')), await mkdtemp(join(tmpdir(), 'dmx-'))];
  for (const name of ['i1.nii', 'i1.nii.gz', 'i2.nii', 'other.txt', 'i4.NRRD']) await writeFile(join(images, name), '');
  for (const name of ['l1.nii', 'l3.nii']) await writeFile(join(labels, name), '');
  const names = { image: /^i(\d)\.nii(?:\.gz)?$/, label: /^l(\d)\.nii$/, endings: ['.nii.gz', '.nii'] };
  const { cases, problems } = await scanPairs([{ images, labels, isTest: false }], names);
  expect(cases.map(({ id, label }) => [id, label !== null])).toEqual([
    ['1', true],
    ['2', false],
  ]);
  expect(problems.map(({ severity, caseId }) => `${severity} ${caseId}`)).toEqual([
    'error 1',
    'error 4',
    'warning null',
    'warning 2',
    'error 3',
  ]);
  const official = officialProblems(['1', '4', '5'], cases, '/data').map(({ file, message }) => `${file} ${message}`);
  expect(official).toEqual([
    '/data 2 of the 3 official cases are not there: 4 5',
    `${join(images, 'i2.nii')} is none of the 3 official cases`,
  ]);
});
