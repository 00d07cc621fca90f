import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openNnunetFolder } from '@dinomix/data';
import { countLabels, createVolume, writeNifti } from '@dinomix/volume';
import { describe, expect, test } from 'vitest';
import { buildFolder, casesOf, DOCUMENT, labelOf, optionsOf, SHAPE } from '../test/build-folder.js';
import { problemsOf, reportOf } from '../test/report.js';
import { LAYOUT } from './layout.js';

/** Labels 0, 1, 2 in turn, 40 voxels each, written as other values. */
const valuesOf = (values: readonly number[]) =>
  createVolume({
    data: Int16Array.from(labelOf().data, (index) => values[index]!),
    shape: SHAPE,
    spacing: [3, 1.5, 1.5],
  });

const folderOf = async (values: readonly number[], labels: object) => {
  const files = {
    ...casesOf(['a', 'b']),
    'labelsTr/a.nii.gz': valuesOf(values),
    'labelsTr/b.nii.gz': valuesOf(values),
  };
  return buildFolder(files, { ...DOCUMENT, labels });
};

const openOf = async (root: string, labelValues: Record<string, number>, more: object = {}) =>
  openNnunetFolder(optionsOf({ root, validation: 0, test: 0, labelValues, ...more }), LAYOUT);

describe('the cure that the error gives works', () => {
  test.each([
    ['BraTS', [0, 1, 4], { background: 0, necrosis: 1, enhancing: 4 }, '{ 4: 2 }', { 4: 2 }],
    ['a mask', [0, 255, 255], { background: 0, lesion: 255 }, '{ 255: 1 }', { 255: 1 }],
    ['MM-WHS', [0, 500, 600], { background: 0, ventricle: 500, blood: 600 }, '{ 500: 1, 600: 2 }', { 500: 1, 600: 2 }],
  ])('%s', async (_, values, labels, suggested, labelValues) => {
    const root = await folderOf(values, labels);
    const [first] = await problemsOf(root);
    expect(first).toMatchObject({ severity: 'error', fix: expect.stringContaining(`labelValues: ${suggested}`) });
    expect(await reportOf(root, { labelValues })).toEqual([]);
    const dataset = await openOf(root, labelValues);
    expect(dataset.classes.map(({ name }) => name)).toEqual(Object.keys(labels));
    const { label } = await dataset.readCase('a', 'labelled');
    const counts = Object.keys(labels).length === 2 ? [40, 80] : [40, 40, 40];
    expect([...countLabels(label!.data, counts.length)]).toEqual(counts);
  });

  test('a mask of 0 and 255 where dataset.json says 1', async () => {
    const root = await folderOf([0, 255, 255], { background: 0, lesion: 1 });
    const [first] = await problemsOf(root);
    expect(first!.message).toMatch(/^label 255 at voxel .* is no class/);
    expect(first!.fix).toContain('labelValues: { 255: 1 }');
    expect(await reportOf(root, { labelValues: { 255: 1 } })).toEqual([]);
  });

  test('a class that dataset.json does not name yet', async () => {
    const root = await folderOf([0, 1, 2], { background: 0, lesion: 1 });
    const [first] = await problemsOf(root);
    expect(first!.fix).toMatch(/^name the classes of these values/);
    expect(await reportOf(await folderOf([0, 1, 2], { background: 0, lesion: 1, other: 2 }))).toEqual([]);
  });
});

test('values that are neither declared nor mapped are refused, so is a class that is not there', async () => {
  const root = await folderOf([0, 3, 4], { background: 0, necrosis: 1, enhancing: 4 });
  expect((await reportOf(root, { labelValues: { 4: 2 } }))[0]).toMatch(
    /^error .*label 3 at voxel \(i, j, k\) = \(1,0,0\) has no class: the values that have one are 0, 1, 4$/,
  );
  const dataset = await openOf(await folderOf([0, 1, 2], { background: 0, liver: 1, spleen: 2 }), { 255: 3 });
  expect(() => dataset.classes).toThrow(/"labelValues" gives 255 to the class 3; the classes are 0 to 2/);
});

test('several values in one class: the name is that of its own number', async () => {
  const root = await folderOf([0, 1, 2], { background: 0, liver: 1, tumour: 2 });
  const dataset = await openOf(root, { 2: 1 });
  expect(dataset.classes.map(({ name }) => name)).toEqual(['background', 'liver']);
  const { label } = await dataset.readCase('a', 'labelled');
  expect([...countLabels(label!.data, 2)]).toEqual([40, 80]);
  const unclear = await folderOf([0, 3, 4], { background: 0, core: 3, edema: 4 });
  expect((await reportOf(unclear, { labelValues: { 3: 1, 4: 1 } }))[0]).toMatch(/"core" and "edema" are one class, 1/);
});

test('another mapping is another data set: prepared copies and the fingerprint know it', async () => {
  const root = await folderOf([0, 1, 2], { background: 0, liver: 1, tumour: 2 });
  const [plain, mapped] = [await openOf(root, {}), await openOf(root, { 2: 1 })];
  const readings = await Promise.all([plain, mapped].map((one) => one.identify!('a', 'labelled')));
  expect(readings[0]!.reading).not.toEqual(readings[1]!.reading);
  const [other] = [await openOf(root, { 1: 2, 2: 1 })];
  const digests = await Promise.all([plain, other].map(async (one) => (await one!.fingerprint()).digest));
  expect(digests[0]).not.toBe(digests[1]);
});

test('labels of float files that are whole up to rounding', async () => {
  const root = await folderOf([0, 255, 4], { background: 0, lesion: 255, core: 4 });
  await rm(join(root, 'labelsTr/a.nii.gz'));
  const data = Float32Array.from(labelOf().data, (index) => [0, 254.9999, 4.0000005][index]!);
  await writeNifti(join(root, 'labelsTr/a.nii.gz'), createVolume({ data, shape: SHAPE, spacing: [3, 1.5, 1.5] }));
  const { label } = await (await openOf(root, { 255: 1, 4: 2 })).readCase('a', 'labelled');
  expect(label!.data).toEqual(labelOf().data);
});
