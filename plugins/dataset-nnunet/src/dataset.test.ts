import { cp, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CreateCaseReader, Dataset } from '@dinomix/core';
import { openNnunetFolder } from '@dinomix/data';
import { countLabels, createVolume } from '@dinomix/volume';
import { describe, expect, test } from 'vitest';
import { buildFolder, casesOf, DOCUMENT, imageOf, labelOf, optionsOf } from '../test/build-folder.js';
import { checkDataset } from './check.js';
import { LAYOUT } from './layout.js';
import type { NnunetInput } from './options.js';

const open = (input: NnunetInput): Promise<Dataset> => openNnunetFolder(optionsOf(input), LAYOUT);
const fixtures = fileURLToPath(new URL('../test/fixtures/', import.meta.url));

interface NibabelView {
  readonly shape: readonly [number, number, number];
  readonly affine: readonly (readonly number[])[];
  readonly sum: number;
  readonly counts: readonly number[] | null;
  readonly ras: readonly number[];
}

describe('folders written by nibabel', () => {
  const read = async () =>
    JSON.parse(await readFile(join(fixtures, 'fixtures.json'), 'utf8')) as Record<string, NibabelView>;

  test('nnU-Net v2: shapes, affines, intensities and labels are those of nibabel', async () => {
    const views = await read();
    const dataset = await open({ root: join(fixtures, 'v2'), validation: 0 });
    expect(dataset.classes.map(({ name }) => name)).toEqual(['background', 'organ', 'tumour']);
    expect(dataset.splits).toEqual({ labelled: ['a', 'b'], unlabelled: ['c'], validation: [], test: ['d'] });
    for (const [id, role, folder] of [
      ['a', 'labelled', 'Tr'],
      ['b', 'labelled', 'Tr'],
      ['d', 'test', 'Ts'],
    ] as const) {
      const { image, label } = await dataset.readCase(id, role);
      const seen = views[`v2/images${folder}/${id}_0000.nii.gz`]!;
      expect([...image.shape].reverse()).toEqual(seen.shape);
      for (const [row, values] of seen.affine.entries()) {
        for (const [column, value] of values.entries()) expect(image.affine[row]![column]).toBeCloseTo(value, 5);
      }
      expect([...image.data].reduce((sum, value) => sum + value, 0)).toBe(seen.sum);
      expect([...countLabels(label!.data, 3)]).toEqual(views[`v2/labels${folder}/${id}.nii.gz`]!.counts);
    }
  });

  test('the second channel', async () => {
    const views = await read();
    const incomplete = await open({ root: join(fixtures, 'v2'), channel: 1 });
    expect(() => incomplete.splits).toThrow(/has the channels 0, not 1/);
    const root = await buildFolder({
      ...casesOf(['a', 'b']),
      'imagesTr/a_0001.nii.gz': imageOf(50),
      'imagesTr/b_0001.nii.gz': imageOf(51),
    });
    const dataset = await open({ root, channel: 1, validation: 0, test: 0 });
    expect(dataset.reading).toMatchObject({ channel: 1, frame: null });
    expect((await dataset.readCase('a', 'labelled')).image.data).toEqual(imageOf(50).data);
    expect(views['v2/imagesTr/c_0001.nii.gz']!.shape).toEqual([5, 5, 5]);
  });

  test('Decathlon: ids that end in four digits, a document without ending', async () => {
    const views = await read();
    const dataset = await open({ root: join(fixtures, 'decathlon'), validation: 0 });
    expect(dataset.title).toBe('LeftAtrium');
    expect(dataset.licence).toBe('CC-BY-SA 4.0');
    expect(dataset.splits).toMatchObject({ labelled: ['la_0003', 'la_0004'], test: ['la_0001'] });
    const { image } = await dataset.readCase('la_0003', 'labelled');
    expect([...image.data].reduce((sum, value) => sum + value, 0)).toBe(
      views['decathlon/imagesTr/la_0003.nii.gz']!.sum,
    );
    expect((await dataset.readCase('la_0001', 'test')).label).toBeNull();
    expect(dataset.preprocessing.normalisation.steps[0]).toEqual({ kind: 'clip-percentiles', low: 0.5, high: 99.5 });
  });
});

describe('a task of the Decathlon as it unpacks, written by nibabel: modalities along a fourth axis, files that macOS left', () => {
  const root = join(fixtures, 'prostate');

  test.each([0, 1])('modality %i', async (channel) => {
    const views = JSON.parse(await readFile(join(fixtures, 'fixtures.json'), 'utf8'));
    const dataset = await open({ root, channel, validation: 0 });
    expect(dataset.reading).toMatchObject({ channel: null, frame: channel });
    expect(dataset.splits).toEqual({
      labelled: ['prostate_00', 'prostate_12'],
      unlabelled: [],
      validation: [],
      test: ['prostate_03'],
    });
    for (const [id, role, folder] of [
      ['prostate_12', 'labelled', 'Tr'],
      ['prostate_03', 'test', 'Ts'],
    ] as const) {
      const { image, label } = await dataset.readCase(id, role);
      const seen = views[`prostate/images${folder}/${id}.nii.gz`];
      expect([...image.shape].reverse()).toEqual(seen.shape.slice(0, 3));
      expect([...image.data].reduce((sum, value) => sum + value, 0)).toBe(seen.channels[channel]);
      if (role === 'labelled') {
        expect([...countLabels(label!.data, 3)]).toEqual(views[`prostate/labelsTr/${id}.nii.gz`].counts);
      }
    }
    const { module, export: name, options } = dataset.workerSource;
    const reader = await ((await import(module)) as Record<string, CreateCaseReader>)[name]!(options);
    const [first, second] = await Promise.all([dataset, reader].map((one) => one.readCase('prostate_00', 'labelled')));
    expect(second).toEqual(first);
    expect(first!.image.data).not.toEqual(
      (await (await open({ root, channel: 1 - channel })).readCase('prostate_00', 'labelled')).image.data,
    );
  });

  test('has nothing to complain about but its size', async () => {
    const problems = [];
    for await (const problem of checkDataset({ root, channel: 1 })) problems.push(problem);
    expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  });

  test('a modality that is not there', async () => {
    const dataset = await open({ root, channel: 2 });
    await expect(dataset.readCase('prostate_00', 'labelled')).rejects.toThrow(
      /2 volumes along its fourth axis; number 2/,
    );
  });

  test('several volumes where one modality is announced', async () => {
    const copy = await mkdtemp(join(tmpdir(), 'dinomix-prostate-'));
    await cp(root, copy, { recursive: true });
    const document = JSON.parse(await readFile(join(copy, 'dataset.json'), 'utf8'));
    const training = [...document.training, { image: './imagesTr/prostate_99.nii.gz' }];
    await writeFile(join(copy, 'dataset.json'), JSON.stringify({ ...document, modality: { 0: 'T2' }, training }));
    const problems = [];
    for await (const { severity, message } of checkDataset({ root: copy })) problems.push(`${severity} ${message}`);
    expect(problems).toContain('error has 4 axes: 6 x 5 x 4 x 2 voxels');
    expect(problems).toContain('warning "training" lists 1 images that are not in imagesTr: prostate_99.nii.gz');
  });
});

test('nnU-Net v1: a document without file ending, image names with channel', async () => {
  const { channel_names: _, file_ending: __, ...rest } = DOCUMENT;
  const document = {
    ...rest,
    modality: { 0: 'CT' },
    labels: { 0: 'background', 1: 'liver', 2: 'spleen' },
    training: [{ image: './imagesTr/x.nii.gz', label: './labelsTr/x.nii.gz' }],
  };
  const dataset = await open({ root: await buildFolder(casesOf(['x', 'y']), document), validation: 0, test: 0 });
  expect(dataset.splits.labelled).toEqual(['x', 'y']);
  expect(dataset.classes[2]!.name).toBe('spleen');
  expect(dataset.preprocessing.normalisation.steps[0]).toEqual({ kind: 'clip', low: -75, high: 275 });
});

describe('the label of an unlabelled case is never read', () => {
  test('not where the label file is damaged, in reading, the cache and the fingerprint', async () => {
    const root = await buildFolder({ ...casesOf(['a', 'b', 'c']), 'labelsTr/b.nii.gz': Buffer.from('no image') });
    const cache = join(root, 'cache');
    const dataset = await open({ root, unlabelled: ['b'], validation: 0, test: 0, cache });
    expect(dataset.splits).toMatchObject({ labelled: ['a', 'c'], unlabelled: ['b'] });
    const { label, files } = await dataset.readCase('b', 'unlabelled');
    expect([label, files.label]).toEqual([null, null]);
    expect((await dataset.fingerprint()).cases.b!.label).toBeNull();
    const sneaky = await dataset.readCase('b', 'labelled');
    expect(sneaky.label).toBeNull();
  });

  test('a case that only plays the part of an unlabelled one keeps its label to itself', async () => {
    const root = await buildFolder(casesOf(['a', 'b', 'c', 'd']));
    const dataset = await open({ root, labelled: 1, validation: 0, test: 0 });
    expect(dataset.splits.labelled).toHaveLength(1);
    expect(dataset.splits.unlabelled).toHaveLength(3);
    for (const id of dataset.splits.unlabelled) {
      await writeFile(join(root, `labelsTr/${id}.nii.gz`), 'no image');
      expect((await dataset.readCase(id, 'unlabelled')).label).toBeNull();
    }
    await dataset.fingerprint();
  });
});

test('a case is identified by its files, and by the label only where it may be read', async () => {
  const root = await buildFolder(casesOf(['a', 'b']));
  const dataset = await open({ root, validation: 0, test: 0, cache: 'kept' });
  expect(dataset.cache).toBe(resolve('kept'));
  const known = await dataset.identify!('a', 'labelled');
  const unlabelled = await dataset.identify!('a', 'unlabelled');
  expect(await known.digests()).toEqual((await dataset.fingerprint()).cases.a);
  expect((await unlabelled.digests()).label).toBeNull();
  expect((await dataset.identify!('a', 'labelled')).stamp).toBe(known.stamp);
  await utimes(join(root, 'labelsTr/a.nii.gz'), new Date(1e12), new Date(1e12));
  expect((await dataset.identify!('a', 'labelled')).stamp).not.toBe(known.stamp);
  expect((await dataset.identify!('a', 'unlabelled')).stamp).toBe(unlabelled.stamp);
});

test('a loader thread reads the same from the worker source, through plain data', async () => {
  const dataset = await open({ root: await buildFolder(casesOf(['a', 'b'])), validation: 0, test: 0 });
  const { module, export: name, options } = dataset.workerSource;
  const loaded = (await import(module)) as Record<string, CreateCaseReader>;
  const reader = await loaded[name]!(JSON.parse(JSON.stringify(options)));
  expect(await reader.readCase('b', 'labelled')).toEqual(await dataset.readCase('b', 'labelled'));
  await expect(dataset.readCase('z', 'test')).rejects.toThrow('There is no case "z"');
});

test('a folder with mistakes can be checked, and says all of them wherever it is used', async () => {
  const root = await buildFolder({
    ...casesOf(['a', 'b']),
    'labelsTr/b.nii.gz': labelOf(9),
    'labelsTr/lonely.nii.gz': labelOf(),
    'split.json': { labelled: ['a', 'b', 'z'], validation: ['b'] },
  });
  const dataset = await open({ root, split: 'split.json' });
  const everything =
    /3 problems[\s\S]*label without an image[\s\S]*unknown case "z"[\s\S]*in "labelled" and in "validation"/;
  for (const use of ['classes', 'splits', 'preprocessing', 'workerSource', 'sampling'] as const) {
    expect(() => dataset[use], use).toThrow(everything);
  }
  await expect(dataset.readCase('a', 'labelled')).rejects.toThrow(everything);
  await expect(dataset.fingerprint()).rejects.toThrow(everything);
  const messages: string[] = [];
  for await (const { message } of dataset.check()) messages.push(message);
  expect(messages).toHaveLength(4);
  expect(messages[3]).toContain('label 3 at voxel');
});

test('a folder without dataset.json', async () => {
  const root = await buildFolder(casesOf(['a', 'b']));
  await rm(join(root, 'dataset.json'));
  const dataset = await open({ root });
  expect(dataset.title).toBe(root);
  expect(() => dataset.classes).toThrow(/dataset\.json cannot be used/);
});

test('the options decide the preparation', async () => {
  const root = await buildFolder(casesOf(['a', 'b']));
  const base = { root, validation: 0, test: 0 };
  const recipe = (await open(base)).preprocessing;
  expect(recipe.grid).toEqual({ kind: 'shape', shape: [80, 160, 160] });
  expect(recipe.normalisation).toEqual({
    steps: [{ kind: 'clip', low: -75, high: 275 }, { kind: 'min-max' }],
    display: [0, 1],
  });
  const other = await open({
    ...base,
    grid: { spacing: [2, 1, 1] },
    window: [-100, 200],
    normalise: 'z-score',
    labelRule: 'nearest',
    tail: ['spleen'],
  });
  expect(other.preprocessing).toMatchObject({ grid: { kind: 'spacing', spacing: [2, 1, 1] }, labelRule: 'nearest' });
  expect(other.preprocessing.normalisation.steps).toEqual([
    { kind: 'clip', low: -100, high: 200 },
    { kind: 'z-score' },
  ]);
  expect(other.classes.map(({ tail }) => tail)).toEqual([false, false, true]);
  expect((await open({ ...base, grid: 'keep' })).preprocessing.grid).toEqual({ kind: 'keep' });
  await expect(open({ ...base, tail: ['splen'] })).rejects.toThrow(/unknown class "splen"[\s\S]*Did you mean "spleen"/);
  expect(() => optionsOf({ ...base, window: [5, 5] })).toThrow(/smaller bound first/);
});

test('the fingerprint follows the files, not their folder', async () => {
  const files = casesOf(['a', 'b']);
  const [first, second] = [await buildFolder(files), await buildFolder(files)];
  const digest = async (root: string, more: object = {}) =>
    (await (await open({ root, validation: 0, test: 0, ...more })).fingerprint()).digest;
  const base = await digest(first);
  expect(base).toMatch(/^[0-9a-f]{64}$/);
  expect(await digest(second)).toBe(base);
  expect(await digest(first, { unlabelled: ['a'] })).not.toBe(base);
  expect(await digest(first, { window: [0, 1] })).not.toBe(base);
  await rm(join(second, 'imagesTr/a_0000.nii.gz'));
  await expect(digest(second)).rejects.toThrow();
});

describe('reading refuses', () => {
  test('a label of another shape or place', async () => {
    const moved = {
      ...labelOf(),
      affine: imageOf(0).affine.map((row, i) => (i === 0 ? [...row.slice(0, 3), 4] : row)),
    };
    const root = await buildFolder({
      ...casesOf(['a', 'b', 'c']),
      'labelsTr/a.nii.gz': labelOf(3, [4, 5, 7]),
      'labelsTr/b.nii.gz': createVolume({ data: moved.data, shape: moved.shape, affine: moved.affine as never }),
    });
    const dataset = await open({ root, validation: 0, test: 0 });
    await expect(dataset.readCase('a', 'labelled')).rejects.toThrow(/\[4,5,7\].*\[4,5,6\]/);
    await expect(dataset.readCase('b', 'labelled')).rejects.toThrow(/affine differs by 4\.000/);
    const tolerant = await open({ root, validation: 0, test: 0, tolerance: 5 });
    expect((await tolerant.readCase('b', 'labelled')).label).not.toBeNull();
  });

  test('a label value that is no class', async () => {
    const root = await buildFolder({ ...casesOf(['a', 'b']), 'labelsTr/a.nii.gz': labelOf(4) });
    const dataset = await open({ root, validation: 0, test: 0 });
    await expect(dataset.readCase('a', 'labelled')).rejects.toThrow(
      /labelsTr\/a\.nii\.gz: label 3 at voxel \(i, j, k\) = \(3,0,0\)/,
    );
  });

  test('intensities that are not finite, unless they are replaced', async () => {
    const image = imageOf(3);
    image.data[8] = Number.NaN;
    const root = await buildFolder({ ...casesOf(['a', 'b']), 'imagesTr/a_0000.nii.gz': image });
    const refusing = await open({ root, validation: 0, test: 0 });
    await expect(refusing.readCase('a', 'labelled')).rejects.toThrow(/NaN, is voxel \(i, j, k\) = \(2,1,0\)/);
    const replacing = await open({ root, validation: 0, test: 0, replaceNonFinite: -1024 });
    expect((await replacing.readCase('a', 'labelled')).image.data[8]).toBe(-1024);
  });
});
