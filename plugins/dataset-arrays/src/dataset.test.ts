import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CaseReader, Dataset } from '@dinomix/core';
import { AMOS_IDS, AMOS_LABELLED, SYNAPSE_IDS } from '@dinomix/data';
import { describe, expect, test } from 'vitest';
import {
  DHC,
  folderOf,
  imageOf,
  labelOf,
  lines,
  npyBytes,
  npyPairs,
  openOf,
  reportOf,
  SHAPE,
  writeH5,
} from '../test/build.js';

const sizes = ({ splits }: Dataset) => Object.values(splits).map((ids) => ids.length);
/** Files of no content: opening a data set reads none. */
const empty = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, '']));
const pairsOf = (ids: readonly string[]) => ids.flatMap((id) => [`npy/${id}_image.npy`, `npy/${id}_label.npy`]);

describe('npy folders', () => {
  test('DHC: npy beside splits', async () => {
    const root = await folderOf(DHC);
    const dataset = await openOf({ root });
    expect(dataset.splits).toEqual({
      labelled: ['0002'],
      unlabelled: ['0001', '0003', '0004'],
      validation: ['0005'],
      test: ['0006'],
    });
    const { image, label } = await dataset.readCase('0002', 'labelled');
    expect([image.shape, image.spacing]).toEqual([SHAPE, [1, 1, 1]]);
    expect(image.data).toEqual(imageOf(1));
    expect([...label!.data]).toEqual([...labelOf(3)]);
    expect(dataset.preprocessing).toMatchObject({ orientation: 'keep', grid: { kind: 'keep' } });
    expect(dataset.preprocessing.normalisation.steps).toEqual([
      { kind: 'clip', low: -75, high: 275 },
      { kind: 'min-max' },
    ]);
    expect(dataset.sampling).toMatchObject({ flips: [1, 2], upperOffset: 'exclusive' });
  });

  test('the title is that of the benchmark where the grid is', async () => {
    const root = await folderOf(DHC);
    const title = 'Synapse (npy files, split lists, labelled 0.2, recipe p1, axes zyx';
    const titleOf = async (more: object) => (await openOf({ root, classes: 'synapse', ...more })).title;
    expect(await titleOf({ grid: { shape: [80, 160, 160] } })).toBe(`${title})`);
    expect(await titleOf({ grid: { shape: [80, 80, 80] } })).toMatch(/not the published benchmark/);
    // The files have 4x5x6 voxels.
    expect(await titleOf({})).toBe(`${title}, another grid: not the published benchmark)`);
    await writeFile(join(root, 'npy/0001_image.npy'), npyBytes(new Int16Array(80 * 160 * 160), [80, 160, 160]));
    expect(await titleOf({})).toBe(`${title})`);
  });

  test('A&D: split_txts, shares as tags', async () => {
    const root = await folderOf({
      ...npyPairs(['0001', '0002', '0003', '0004']),
      'split_txts/train.txt': lines('0001', '0002', '0003'),
      'split_txts/labeled_0.2.txt': lines('0003'),
      'split_txts/labeled_0.4.txt': lines('0001', '0003'),
      'split_txts/eval.txt': lines('0004'),
    });
    expect((await openOf({ root, labelled: 0.2 })).splits.unlabelled).toEqual(['0001', '0002']);
    expect((await openOf({ root, labelled: 0.4 })).splits.labelled).toEqual(['0001', '0003']);
    expect((await openOf({ root, labelled: 2 })).splits.labelled).toEqual(['0001', '0003']);
    const open = await openOf({ root });
    expect(() => open.splits).toThrow(/labelled lists labeled_0\.2\.txt \(1 cases\), labeled_0\.4\.txt \(2 cases\)/);
    const other = await openOf({ root, labelled: 0.1 });
    expect(() => other.splits).toThrow(/labeled_0\.4\.txt \(2 cases\); option "labelled" is 0\.1/);
  });

  test('GALoss: arrays in the root, lists elsewhere, x first', async () => {
    const root = await folderOf({
      ...npyPairs(['amos_0001', 'amos_0002', 'amos_0003'], 3, 'AMOS/'),
      'amos_splits/train.txt': lines('amos_0001', 'amos_0002'),
      'amos_splits/labeled_5p.txt': lines('amos_0002'),
      'amos_splits/eval.txt': lines('amos_0003'),
    });
    const dataset = await openOf({ root, lists: 'amos_splits', classes: 'amos', recipe: 'p2', spacing: [5, 2, 1] });
    const { image } = await dataset.readCase('amos_0002', 'labelled');
    expect([image.shape, image.spacing]).toEqual([
      [6, 5, 4],
      [5, 2, 1],
    ]);
    // Element [x, y, z] of the file is voxel [z, y, x].
    expect(image.data[(3 * 5 + 2) * 4 + 1]).toBe(imageOf(1)[(1 * 5 + 2) * 6 + 3]);
    expect(dataset.preprocessing.normalisation.steps).toEqual([
      { kind: 'clip', low: -125, high: 275 },
      { kind: 'affine', subtract: -125, divide: 400 },
    ]);
    expect(dataset.classes).toHaveLength(16);
  });

  test.each([
    [new Float64Array(imageOf(0)), new BigInt64Array([...labelOf(3)].map(BigInt))],
    [Int16Array.from(imageOf(0)), new Float32Array(labelOf(3))],
  ])('other element types', async (image, label) => {
    const pair = { 'npy/a_image.npy': npyBytes(image), 'npy/a_label.npy': npyBytes(label) };
    const root = await folderOf({ ...pair, 'train.list': lines('a') });
    const read = await (await openOf({ root })).readCase('a', 'labelled');
    expect([...read.image.data]).toEqual([...imageOf(0)]);
    expect(read.label!.data).toEqual(Uint8Array.from(labelOf(3)));
  });

  test('arrays in two places, lists in two places, and none', async () => {
    const root = await folderOf({ ...npyPairs(['a'], 3, 'one/'), ...npyPairs(['a'], 3, 'two/'), 'train.txt': 'a' });
    const two = await openOf({ root });
    expect(() => two.splits).toThrow(/arrays in several places: .*one \(1 cases as npy\), .*two/);
    expect((await openOf({ root, folder: 'two' })).splits.labelled).toEqual(['a']);
    const lists = await folderOf({ ...DHC, 'split_txts/train.txt': 'x' });
    const both = await openOf({ root: lists });
    expect(() => both.splits).toThrow(/split lists in several places: .*splits \(eval\.txt, labeled_20p\.txt/);
    expect(sizes(await openOf({ root: lists, lists: 'splits' }))).toEqual([1, 3, 1, 1]);
    const none = await openOf({ root: await folderOf({ 'readme.txt': '' }) });
    expect(() => none.splits).toThrow(/has no file 0001_image\.npy and none that ends in \.h5/);
    const bare = await openOf({ root: await folderOf(npyPairs(['a'])) });
    expect(() => bare.splits).toThrow(/has no split lists such as/);
    const nowhere = await openOf({ root: '/nowhere/at/all' });
    expect(() => nowhere.splits).toThrow(/ENOENT/);
  });
});

describe('h5 folders', () => {
  const arrays = { image: imageOf(2), label: labelOf(3) };
  const write = async (root: string, names: readonly string[]) => {
    for (const name of names) await writeH5(join(root, name), arrays);
  };

  test('SSL4MIS: data beside train.txt and val.txt; the first of train have labels', async () => {
    const root = await folderOf({
      'train.txt': lines('c', 'a', 'b'),
      'val.txt': 'd\r\n',
      'test.txt': '# none\n\ne,1\n',
    });
    await write(root, ['data/a.h5', 'data/b.h5', 'data/c.h5', 'data/d.h5', 'data/e.h5', 'data/slices/a_slice_1.h5']);
    const dataset = await openOf({ root, labelled: 2 });
    expect(dataset.splits).toEqual({ labelled: ['a', 'c'], unlabelled: ['b'], validation: ['d'], test: ['e'] });
    const { image, label } = await dataset.readCase('d', 'validation');
    expect(image.shape).toEqual([6, 5, 4]);
    expect(image.data[(3 * 5 + 2) * 4 + 1]).toBe(imageOf(2)[(1 * 5 + 2) * 6 + 3]);
    expect(label!.data[(3 * 5 + 2) * 4 + 1]).toBe(labelOf(3)[(1 * 5 + 2) * 6 + 3]);
    expect((await dataset.readCase('b', 'unlabelled')).label).toBeNull();
    expect(dataset.preprocessing.normalisation.steps).toEqual([]);
    expect(dataset.sampling.flips).toEqual([]);
    const quarter = await openOf({ root, labelled: 0.4 });
    expect(quarter.splits.labelled).toEqual(['c']);
  });

  test('UA-MT: one folder a case, train.list and test.list beside it', async () => {
    const root = await folderOf({ 'train.list': lines('0RZ', '1D7'), 'test.list': lines('2X') });
    await write(
      root,
      ['0RZ', '1D7', '2X'].map((id) => `2018LA_Seg_Training Set/${id}/mri_norm2.h5`),
    );
    expect(sizes(await openOf({ root, labelled: 1 }))).toEqual([1, 1, 0, 1]);
    const inside = await openOf({ root: join(root, '2018LA_Seg_Training Set'), lists: '..', labelled: 1 });
    expect(inside.splits.test).toEqual(['2X']);
  });

  test('MagicNet and TransUNet: names that end in .npy.h5; slices come first there', async () => {
    const root = await folderOf({ 'train.txt': lines('case0031.npy.h5', 'case0007'), 'eval.txt': 'case0009' });
    await write(root, ['v/case0031.npy.h5', 'v/case0007.npy.h5', 'v/case0009.npy.h5']);
    const dataset = await openOf({ root });
    expect(dataset.splits.labelled).toEqual(['case0007', 'case0031']);
    expect((await dataset.readCase('case0007', 'labelled')).image.shape).toEqual(SHAPE);
    expect((await (await openOf({ root, axes: 'xyz' })).readCase('case0007', 'labelled')).image.shape).toEqual([
      6, 5, 4,
    ]);
  });

  test('other names of arrays', async () => {
    const root = await folderOf({ 'train.txt': 'a' });
    await writeH5(join(root, 'h5/a.h5'), { volume: imageOf(1), mask: labelOf(3) });
    const dataset = await openOf({ root, image: 'volume', label: 'mask', axes: 'zyx' });
    expect((await dataset.readCase('a', 'labelled')).image.data).toEqual(imageOf(1));
  });
});

describe('splits', () => {
  test.each(['0001', 'case0001', 'img0001'])('published ones of Synapse, for ids such as %s', async (first) => {
    const ids = SYNAPSE_IDS.map((id) => first.replace('0001', id));
    const root = await folderOf(empty(ids.map((id) => `${id}.h5`)));
    const dataset = await openOf({ root, classes: 'synapse', split: 'dhc-2023' });
    expect(sizes(dataset)).toEqual([4, 16, 4, 6]);
    expect(dataset.splits.labelled).toEqual(['0002', '0023', '0034', '0039'].map((id) => first.replace('0001', id)));
    expect(sizes(await openOf({ root, classes: 'synapse', split: 'skcdf', labelled: 0.1 }))).toEqual([2, 18, 4, 6]);
    const second = await openOf({ root, classes: 'synapse', split: 'dhc-2023', recipe: 'p2' });
    expect(second.title).toBe('Synapse (h5 files, split dhc-2023, labelled 0.2, recipe p2, axes xyz)');
    expect(second.preprocessing.normalisation.steps).toEqual([]);
    await rm(join(root, `${ids[1]}.h5`));
    const incomplete = await openOf({ root, classes: 'synapse', split: 'dhc-2023' });
    expect(() => incomplete.splits).toThrow(/split "dhc-2023" has 1 labelled cases that are not there: 0002/);
    const { dataset: rest, absent } = incomplete.withoutAbsent!();
    expect(sizes(rest)).toEqual([3, 16, 4, 6]);
    expect(absent).toMatchObject([{ role: 'labelled', file: root, message: expect.stringContaining('0002') }]);
  });

  test('the published one of AMOS, with its leak', async () => {
    const root = await folderOf(empty(pairsOf(AMOS_IDS.map((id) => `amos_${id}`))));
    const options = { root, classes: 'amos', split: 'dhc' } as const;
    const dataset = await openOf(options);
    expect(dataset.splits.labelled).toEqual(AMOS_LABELLED['0.05']!.map((id) => `amos_${id}`));
    expect(sizes(dataset)).toEqual([10, 206, 24, 120]);
    expect(sizes(await openOf({ ...options, labelled: 0.2 }))).toEqual([35, 137, 24, 120]);
    expect(sizes(await openOf({ ...options, labelled: 0.2, leaked: 'training' }))).toEqual([38, 154, 4, 120]);
  });

  test('a split of another benchmark', async () => {
    const dataset = await openOf({ root: await folderOf(DHC), classes: 'amos', split: 'skcdf' });
    expect(() => dataset.splits).toThrow(/split is "skcdf", a split of synapse/);
  });

  test('drawn, and by a JSON file', async () => {
    const root = await folderOf({ ...DHC, 's.json': JSON.stringify({ labelled: ['0006'], validation: ['0001'] }) });
    expect(sizes(await openOf({ root, split: 'drawn', labelled: 1, validation: 0.2, test: 0.2 }))).toEqual([
      1, 3, 1, 1,
    ]);
    expect(sizes(await openOf({ root, split: 's.json' }))).toEqual([1, 0, 1, 0]);
  });

  test('lists that train on validation cases', async () => {
    const root = await folderOf({ ...DHC, 'splits/eval.txt': lines('0002', '0005', '0003') });
    const strict = await openOf({ root });
    expect(() => strict.splits).toThrow(/"0002" is in "labelled" and in "validation"/);
    expect(sizes(await openOf({ root, leaked: 'training' }))).toEqual([1, 3, 1, 1]);
    const held = await openOf({
      root: await folderOf({ ...DHC, 'splits/eval.txt': lines('0003') }),
      leaked: 'validation',
    });
    expect(sizes(held)).toEqual([1, 2, 1, 1]);
  });
});

test('options that do not fit', async () => {
  const root = await folderOf(DHC);
  const tail = await openOf({ root, tail: ['lever'] });
  expect(() => tail.splits).toThrow(/"tail" names "lever"[\s\S]*liver/);
  const sides = await openOf({ root, swapSides: true });
  expect(() => sides.splits).toThrow(/"swapSides" is on/);
  const swapped = await openOf({ root, classes: 'synapse', swapSides: true });
  expect(swapped.sampling.swap).toEqual({
    axis: 2,
    pairs: [
      [2, 3],
      [12, 13],
    ],
  });
  expect((await openOf({ root, tail: ['spleen'] })).classes[2]).toMatchObject({ name: 'spleen', tail: true });
});

test('the module for loader threads reads the same, and never the label of an unlabelled case', async () => {
  const root = await folderOf({ ...DHC, 'npy/0001_label.npy': 'damaged' });
  const dataset = await openOf({ root });
  const { module, export: name, options } = dataset.workerSource;
  const create = ((await import(module)) as Record<string, (options: unknown) => CaseReader>)[name]!;
  const reader = create(JSON.parse(JSON.stringify(options)));
  expect(await reader.readCase('0002', 'labelled')).toEqual(await dataset.readCase('0002', 'labelled'));
  expect((await reader.readCase('0001', 'unlabelled')).label).toBeNull();
  const { cases } = await dataset.fingerprint();
  expect(Object.values(cases).map(({ label }) => label !== null)).toEqual([true, false, false, false, true, true]);
  expect((await reader.identify!('0002', 'labelled')).reading).toMatchObject({ kind: 'npy', axes: 'zyx' });
  expect((await reportOf(dataset, root)).filter((line) => line.includes('0001_label'))).toEqual([]);
});
