import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CreateCaseReader } from '@dinomix/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ORGANS } from './classes.js';
import { createPhantomDataset } from './dataset.js';
import { optionsSchema } from './options.js';

const cases = { labelled: 2, unlabelled: 3, validation: 1, test: 2 };
const options = (more: object = {}) => optionsSchema.parse({ seed: 4, cases, shape: [32, 64, 64], ...more });

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dinomix-phantom-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('the split deals every case once, by the seed', () => {
  const { splits } = createPhantomDataset(options());
  expect(Object.values(splits).map((ids) => ids.length)).toEqual([2, 3, 1, 2]);
  const all = Object.values(splits).flat().sort();
  expect(all).toEqual(Array.from({ length: 8 }, (_, index) => `phantom-000${index + 1}`));
  expect(createPhantomDataset(options()).splits).toEqual(splits);
  const others = [0, 1, 2, 3].map((seed) => JSON.stringify(createPhantomDataset(options({ seed })).splits));
  expect(new Set(others).size).toBe(4);
});

test.each(['synapse', 'amos'] as const)('the organs of %s have the label values of its classes', (classes) => {
  const dataset = createPhantomDataset(options({ classes, shape: [48, 64, 64] }));
  expect(dataset.classes.map(({ name }) => name)).toEqual(['background', ...ORGANS[classes]]);
});

test('the tail classes are those of the benchmarks', () => {
  const tailOf = (classes: string) =>
    createPhantomDataset(options({ classes, shape: [48, 64, 64] }))
      .classes.filter(({ tail }) => tail)
      .map(({ index }) => index);
  // method.md §1.5.2 with the label values of §2.7.
  expect(tailOf('synapse')).toEqual([4, 5, 10, 12, 13]);
  expect(tailOf('amos')).toEqual([4, 5, 11, 12, 13, 15]);
});

describe('reading', () => {
  test('an unlabelled case has no label, and the image of the same case is the same in every role', async () => {
    const dataset = createPhantomDataset(options());
    const unlabelled = await dataset.readCase('phantom-0001', 'unlabelled');
    const labelled = await dataset.readCase('phantom-0001', 'labelled');
    expect(unlabelled.label).toBeNull();
    expect(unlabelled.files.label).toBeNull();
    expect(labelled.label?.shape).toEqual([32, 64, 64]);
    expect(Buffer.from(labelled.image.data.buffer).equals(Buffer.from(unlabelled.image.data.buffer))).toBe(true);
  });

  test('a loader thread reads the same from the worker source, through plain data', async () => {
    const dataset = createPhantomDataset(options());
    const { module, export: name, options: data } = dataset.workerSource;
    const loaded = (await import(module)) as Record<string, CreateCaseReader>;
    const reader = await loaded[name]!(JSON.parse(JSON.stringify(data)));
    const there = await reader.readCase('phantom-0002', 'test');
    const here = await dataset.readCase('phantom-0002', 'test');
    expect(there).toEqual(here);
  });

  test('the cache keeps a case and gives back the same; a lost label is made again', async () => {
    const cache = join(folder, 'cache');
    const plain = await createPhantomDataset(options()).readCase('phantom-0003', 'validation');
    const dataset = createPhantomDataset(options({ cache }));
    const first = await dataset.readCase('phantom-0003', 'validation');
    const [recipe] = await readdir(cache);
    const files = await readdir(join(cache, recipe!));
    expect(files.sort()).toEqual(['phantom-0003-label.nii', 'phantom-0003.nii']);
    const { mtimeMs } = await stat(first.files.image);
    const second = await dataset.readCase('phantom-0003', 'validation');
    expect((await stat(second.files.image)).mtimeMs).toBe(mtimeMs);
    expect(second.image.data).toEqual(plain.image.data);
    expect(second.label!.data).toEqual(plain.label!.data);
    expect(second.image.affine[0][3]).toBeCloseTo(plain.image.affine[0][3], 3);
    await rm(first.files.label!);
    expect((await dataset.readCase('phantom-0003', 'unlabelled')).label).toBeNull();
    expect((await dataset.readCase('phantom-0003', 'validation')).label!.data).toEqual(plain.label!.data);
  });

  test('cases of two recipes never share a cached file', async () => {
    const cache = join(folder, 'recipes');
    await createPhantomDataset(options({ cache })).readCase('phantom-0001', 'labelled');
    await createPhantomDataset(options({ cache, noise: 5 })).readCase('phantom-0001', 'labelled');
    expect(await readdir(cache)).toHaveLength(2);
  });

  test('a damaged cache file is an error that names it', async () => {
    const cache = join(folder, 'damaged');
    const dataset = createPhantomDataset(options({ cache }));
    const { files } = await dataset.readCase('phantom-0001', 'labelled');
    await writeFile(files.image, (await readFile(files.image)).subarray(0, 1000));
    await expect(dataset.readCase('phantom-0001', 'labelled')).rejects.toThrow(files.image);
  });

  test('an unknown case is an error that names the known ones', async () => {
    const dataset = createPhantomDataset(options());
    await expect(dataset.readCase('phantom-0009', 'test')).rejects.toThrow(/phantom-0001 to phantom-0008/);
    await expect(dataset.readCase('case_1', 'test')).rejects.toThrow(/no phantom "case_1"/);
  });
});

test('the fingerprint changes with what decides the voxels, and has no label digest for unlabelled cases', async () => {
  const digest = async (more: object) => (await createPhantomDataset(options(more)).fingerprint()).digest;
  const base = await digest({});
  expect(base).toMatch(/^[0-9a-f]{64}$/);
  expect(await digest({})).toBe(base);
  expect(await digest({ cache: '/anywhere' })).toBe(base);
  for (const more of [{ seed: 5 }, { noise: 1 }, { shape: [32, 64, 72] }]) expect(await digest(more)).not.toBe(base);
  const dataset = createPhantomDataset(options());
  const { cases: digests } = await dataset.fingerprint();
  for (const id of dataset.splits.unlabelled) expect(digests[id]!.label).toBeNull();
  for (const id of dataset.splits.labelled) expect(digests[id]!.label).toMatch(/^[0-9a-f]{64}$/);
});

test('options are checked', () => {
  const messages = (given: object) => optionsSchema.safeParse(given).error?.issues.map(({ message }) => message);
  expect(messages({})).toBeUndefined();
  expect(messages({ shape: [24, 64, 64] })?.[0]).toContain('at least [32,64,64]');
  expect(messages({ classes: 'amos', shape: [32, 64, 64] })?.[0]).toContain('at least [48,64,64]');
  expect(messages({ cases: { labelled: 0 } })).toHaveLength(1);
  expect(messages({ seeds: 1 })?.[0]).toContain('seeds');
});
