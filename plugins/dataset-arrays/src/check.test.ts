import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { DHC, folderOf, imageOf, labelOf, lines, npyBytes, openOf, reportOf, writeH5 } from '../test/build.js';
import type { ArraysInput } from './options.js';

const RESIZED = { grid: { shape: [4, 5, 6] } } as const;

async function report(root: string, more: Partial<ArraysInput> = {}): Promise<string[]> {
  return reportOf(await openOf({ root, ...RESIZED, ...more }), root);
}

async function changed(files: Readonly<Record<string, string | Uint8Array>>): Promise<string[]> {
  return report(await folderOf({ ...DHC, ...files }));
}

test('a sound folder has nothing but the warning that millimetres are unknown', async () => {
  const root = await folderOf(DHC);
  expect(await report(root)).toEqual([]);
  const found = [];
  for await (const problem of (await openOf({ root, ...RESIZED })).check()) found.push(problem);
  expect(found.map(({ severity, message }) => `${severity} ${message}`)).toEqual([
    'warning npy files hold no spacing: 1 x 1 x 1 mm is taken, so that distances in mm count voxels',
  ]);
  const spaced = [];
  for await (const problem of (await openOf({ root, ...RESIZED, spacing: [3, 1, 1] })).check()) spaced.push(problem);
  expect(spaced).toEqual([]);
});

test('missing partners', async () => {
  const root = await folderOf(DHC);
  await rm(join(root, 'npy/0003_label.npy'));
  await rm(join(root, 'npy/0005_image.npy'));
  expect(await report(root)).toEqual([
    'warning ./npy/0003_image.npy: has no label in ./npy',
    'error ./npy/0005_label.npy: is a label without an image in ./npy',
    'error ./splits: lists the unknown case "0005" (validation)',
  ]);
  const { dataset, absent } = (await openOf({ root, ...RESIZED })).withoutAbsent!();
  expect(dataset.splits.validation).toEqual([]);
  expect(absent).toMatchObject([{ caseId: '0005', role: 'validation', file: join(root, 'npy/0005_label.npy') }]);
});

test('a labelled case without a label', async () => {
  const root = await folderOf(DHC);
  await rm(join(root, 'npy/0002_label.npy'));
  expect(await report(root)).toContain('error ./splits: "0002" (labelled) has no label file');
});

test('lists: unknown ids, files in no list, an id in two lists, twice in one, outside of train', async () => {
  expect(await changed({ 'splits/test.txt': lines('0006', '0099') })).toEqual([
    'error ./splits: lists the unknown case "0099" (test)',
  ]);
  expect(await changed({ 'splits/test.txt': lines('0005') })).toEqual([
    'error ./splits: "0005" is in "validation" and in "test"',
    'warning ./splits: 1 cases have files and stand in no list: 0006',
  ]);
  expect(await changed({ 'splits/test.txt': lines('0006', '0006') })).toEqual([
    'warning ./splits/test.txt: names a case twice: 0006',
  ]);
  expect(await changed({ 'splits/train.txt': lines('0001', '0002', '0003') })).toEqual([
    'warning ./splits/unlabeled_20p.txt: names 1 cases that are not in train.txt: 0004',
  ]);
});

test('voxels and headers', async () => {
  const nan = imageOf(1);
  nan[7] = Number.NaN;
  const half = new Float32Array(labelOf(3));
  half[8] = 1.5;
  const found = await changed({
    'npy/0001_image.npy': npyBytes(nan),
    'npy/0002_label.npy': npyBytes(half),
    'npy/0003_image.npy': npyBytes(imageOf(2)).subarray(0, 400),
    'npy/0004_image.npy': npyBytes(new Float32Array(1), [900, 900, 900]),
    'npy/0005_label.npy': npyBytes(labelOf(5)),
    'npy/0006_label.npy': npyBytes(labelOf(3), [4, 6, 5]),
  });
  expect(found).toEqual([
    'error ./npy/0001_image.npy: 1 of 120 intensities are not finite; the first, NaN, is voxel (i, j, k) = (1,1,0)',
    'error ./npy/0002_label.npy: label 1.5 at voxel (i, j, k) = (2,1,0) is no class: 3 classes are 0 to 2',
    'error ./npy/0003_image.npy: announces [4, 5, 6] elements of float32, 480 bytes; it has 272',
    'error ./npy/0004_image.npy: announces [900, 900, 900] elements of float32, 2916000000 bytes; it has 4',
    'error ./npy/0005_label.npy: label 3 at voxel (i, j, k) = (3,0,0) is no class: 3 classes are 0 to 2; values out of range: 3, 4',
    'error ./npy/0006_label.npy: has the shape [4,6,5] (z, y, x), its image ./npy/0006_image.npy has [4,5,6]',
  ]);
});

test('files of another size than the protocol has', async () => {
  const root = await folderOf(DHC);
  const found = await report(root, { grid: 'keep' });
  expect(found[0]).toBe(
    'warning ./npy/0001_image.npy: has the shape [4,5,6] (z, y, x); the files of this protocol have [80,160,160]',
  );
  expect(found).toHaveLength(6);
});

test('h5 files: lzf, absent arrays, damage', async () => {
  const root = await folderOf({ 'train.txt': lines('a', 'b', 'c'), 'eval.txt': 'd', 'test.txt': 'd2' });
  for (const id of ['a', 'd', 'd2'])
    await writeH5(join(root, `h5/${id}.h5`), { image: imageOf(id.length), label: labelOf(3) });
  await writeH5(join(root, 'h5/b.h5'), { image: imageOf(5) });
  await writeFile(join(root, 'h5/c.h5'), 'nothing');
  expect((await report(root)).filter((line) => !line.includes('same voxels'))).toEqual([
    'warning .: no case is in the part "unlabelled"',
    'error ./h5/b.h5: has no array "label"; it has "image"',
    'error ./h5/c.h5: cannot be read: file signature not found',
  ]);
  const fixtures = fileURLToPath(new URL('../test/fixtures/', import.meta.url));
  const lzf = await openOf({ root: fixtures, folder: '.', split: 'drawn', image: 'lzf', label: 'none' });
  const first = (await reportOf(lzf, fixtures)).find((line) => line.includes('filters.h5'));
  expect(first).toContain('"lzf" is compressed with the filter lzf (32000)');
});
