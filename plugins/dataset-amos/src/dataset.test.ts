import { mkdir, mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataProblem, Dataset } from '@dinomix/core';
import { AMOS_TEST, AMOS_TRAIN, AMOS_UNLABELLED_20, AMOS_VALIDATION } from '@dinomix/data';
import { writePhantomDataset } from '@dinomix/dataset-phantom';
import { orientationOf } from '@dinomix/volume';
import { describe, expect, test } from 'vitest';
import { openAmosDataset } from './dataset.js';
import { type AmosInput, optionsSchema } from './options.js';

const open = (input: AmosInput): Promise<Dataset> => openAmosDataset(optionsSchema.parse(input));
const temporary = () => mkdtemp(join(tmpdir(), 'dinomix-amos-'));

/** A folder with the file names of the 360 cases and no content: opening a data set reads none. */
async function emptyFolder(below = ''): Promise<string> {
  const root = await temporary();
  const parts = [
    ['Tr', [...AMOS_TRAIN, ...AMOS_VALIDATION]],
    ['Va', AMOS_TEST],
  ] as const;
  for (const [part, ids] of parts) {
    for (const kind of ['images', 'labels']) {
      const folder = join(root, below, `${kind}${part}`);
      await mkdir(folder, { recursive: true });
      await Promise.all(ids.map((id) => writeFile(join(folder, `amos_${id}.nii.gz`), '')));
    }
  }
  return root;
}

/** The problems that are known without reading a file. */
async function firstProblems(dataset: Dataset, count: number): Promise<DataProblem[]> {
  const problems: DataProblem[] = [];
  for await (const problem of dataset.check()) {
    if (problems.push(problem) === count) break;
  }
  return problems;
}

const sizes = ({ splits }: Dataset) =>
  [splits.labelled, splits.unlabelled, splits.validation, splits.test].map((ids) => ids.length);

describe('the published split', () => {
  test.each([
    [0.02, [4, 212, 24, 120]],
    [0.05, [10, 206, 24, 120]],
    [0.1, [21, 195, 24, 120]],
  ])('at %s has %j cases, each of the 360 once', async (labelled, expected) => {
    const dataset = await open({ root: await emptyFolder(), labelled });
    expect(sizes(dataset)).toEqual(expected);
    expect(new Set(Object.values(dataset.splits).flat()).size).toBe(360);
  });

  test('at 0.2 tells of the cases that it trains and validates on, and leaves them out of training', async () => {
    const dataset = await open({ root: await emptyFolder(), labelled: 0.2 });
    // 38 - 3, 154 - 17 (method.md §2.3).
    expect(sizes(dataset)).toEqual([35, 137, 24, 120]);
    const leak = (await firstProblems(dataset, 3)).find(({ message }) => message.includes('20 % lists'));
    expect(leak).toMatchObject({ severity: 'warning' });
    expect(leak!.message).toContain('labelled 0066 0349 0381; unlabelled 0097 0116 0124 0153 0154 0159');
  });

  test('at 0.2 can be trained as published; validation then loses the cases', async () => {
    const dataset = await open({ root: await emptyFolder(), labelled: 0.2, leaked: 'training' });
    expect(sizes(dataset)).toEqual([38, 154, 4, 120]);
    expect(dataset.splits.unlabelled).toEqual(AMOS_UNLABELLED_20);
  });

  test('a share without a list is an error that names the lists', async () => {
    const dataset = await open({ root: await emptyFolder(), labelled: 0.4 });
    expect(() => dataset.splits).toThrow(/has lists for 0.02, 0.05, 0.1, 0.2/);
  });

  test('CT alone leaves out 34 of 216 training, 6 of 24 validation and 20 of 120 test cases, and says so', async () => {
    const dataset = await open({ root: await emptyFolder(), modality: 'ct' });
    const [labelled, unlabelled, ...rest] = sizes(dataset);
    expect([labelled! + unlabelled!, ...rest]).toEqual([216 - 34, 24 - 6, 100]);
    expect(dataset.splits.labelled).not.toContain('0514');
    expect(dataset.title).toContain('CT only: not the published benchmark');
    const [first] = await firstProblems(dataset, 1);
    expect(first!.message).toContain('dataset.json');
  });
});

test('p2 alone compares on 80x160x160, p1 alone pads sides up to the patch by three more', async () => {
  const root = await emptyFolder();
  const [p1, p2] = [await open({ root }), await open({ root, recipe: 'p2' })];
  expect([p1.metricShape, p2.metricShape]).toEqual([null, [80, 160, 160]]);
  expect([p1.sampling.margin, p2.sampling.margin]).toEqual([3, undefined]);
});

test('the archive may lie in the folder amos22', async () => {
  expect(sizes(await open({ root: await emptyFolder('amos22') }))).toEqual([10, 206, 24, 120]);
});

test('a folder without the four parts names them', async () => {
  const root = await temporary();
  await mkdir(join(root, 'imagesTr'));
  const dataset = await open({ root, split: 'drawn' });
  expect(() => dataset.splits).toThrow(/labelsTr cannot be used/);
  expect(() => dataset.splits).toThrow(/imagesVa cannot be used/);
});

test('damage in the layout of AMOS22 is told of by file', async () => {
  const root = await temporary();
  await writePhantomDataset({ layout: 'amos', cases: 3, seed: 1, out: root, size: [48, 64, 64] });
  const [first, second] = (await readdir(join(root, 'imagesTr'))).sort();
  await truncate(join(root, 'imagesTr', first!), 2000);
  await rm(join(root, 'labelsTr', second!));
  const found = (await firstProblems(await open({ root, split: 'drawn', labelled: 1 }), 100)).map(
    ({ severity, file, message }) => `${severity} ${file.slice(root.length)}: ${message}`,
  );
  expect(found).toContain(`error /imagesTr/${first}: ends in the middle of its gzip data`);
  expect(found).toContain(`warning /imagesTr/${second}: has no label in ${join(root, 'labelsTr')}`);
});

test('the published split without the cases that lack a file; a folder that is not there stays an error', async () => {
  const root = await emptyFolder();
  const [image, label] = [AMOS_TRAIN.at(-1)!, AMOS_TEST[0]!];
  await rm(join(root, `imagesTr/amos_${image}.nii.gz`));
  await rm(join(root, `labelsVa/amos_${label}.nii.gz`));
  const dataset = await open({ root });
  expect(() => dataset.splits).toThrow(/3 problems/);
  const { dataset: rest, absent } = dataset.withoutAbsent!();
  expect(sizes(rest).reduce((sum, count) => sum + count)).toBe(358);
  expect(absent.map(({ caseId, file }) => [caseId, file])).toEqual([
    [image, join(root, `labelsTr/amos_${image}.nii.gz`)],
    [label, join(root, `imagesVa/amos_${label}.nii.gz`)],
  ]);
  await rm(join(root, 'labelsVa'), { recursive: true });
  const broken = await open({ root });
  expect(() => broken.withoutAbsent!()).toThrow(/labelsVa cannot be used/);
});

test('phantoms in the layout of AMOS22: drawn splits test on imagesVa', async () => {
  const root = await temporary();
  await writePhantomDataset({ layout: 'amos', cases: 3, seed: 1, out: root, size: [48, 64, 64] });
  const dataset = await open({ root, split: 'drawn', labelled: 1, validation: 0.5 });
  expect(dataset.title).toContain('synthetic phantoms: not the published benchmark');
  expect(dataset.splits.test).toEqual(['0008']);
  expect(sizes(dataset)).toEqual([1, 0, 1, 1]);
  const { image, label } = await dataset.readCase(dataset.splits.labelled[0]!, 'labelled');
  expect(orientationOf(image.affine)).toBe('LPS');
  expect(label!.data.reduce((a, b) => Math.max(a, b))).toBe(15);
  const problems = await firstProblems(dataset, 100);
  expect(problems.map(({ severity, message }) => `${severity} ${message.slice(0, 45)}`)).toEqual([
    'warning 357 of the 360 official cases are not there: ',
    'warning no case is in the part "unlabelled"',
  ]);
});
