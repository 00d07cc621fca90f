import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CaseRole, Dataset } from '@dinomix/core';
import { createFolderDataset, niftiFormat, RECIPES } from '@dinomix/data';
import { createVolume, decodeFloat16, encodeFloat16, readSafetensors, type Triple, writeNifti } from '@dinomix/volume';
import { expect, test } from 'vitest';
import { createCaseWorkers } from '../loader/case-workers.js';
import { prepareCase } from './prepare-case.js';
import { type PreparedEntry, prepareDataset } from './prepare-dataset.js';
import { preparedDigests, stalePrepared } from './prepared-marks.js';
import { surveyDataset } from './survey-dataset.js';

const SHAPE: Triple = [4, 5, 6];
const CLASSES = ['background', 'liver', 'spleen'].map((name, index) => ({
  index,
  name,
  colour: [0, 0, 0] as const,
  tail: false,
}));

function imageOf(seed: number) {
  const data = Int16Array.from({ length: 120 }, (_, i) => ((i * 37 + seed * 101) % 900) - 400);
  return createVolume({ data, shape: SHAPE, spacing: [3, 1.5, 1.5] });
}

const LABEL = createVolume({
  data: Uint8Array.from({ length: 120 }, (_, i) => i % 3),
  shape: SHAPE,
  spacing: [3, 1.5, 1.5],
});

/** Three cases a, b, c in files; c has an image only. */
async function build(shape: Triple = [6, 7, 8]): Promise<{ root: string; cache: string; dataset: Dataset }> {
  const root = await mkdtemp(join(tmpdir(), 'dinomix-prepare-'));
  const cache = join(root, 'cache');
  const files: Record<string, { image: string; label: string | null }> = {};
  for (const [index, id] of ['a', 'b', 'c'].entries()) {
    const [image, label] = [join(root, `${id}.nii.gz`), join(root, `${id}-label.nii.gz`)];
    await writeNifti(image, imageOf(index));
    await writeNifti(label, LABEL);
    files[id] = { image, label };
  }
  return { root, cache, dataset: datasetOf(files, cache, shape) };
}

function datasetOf(
  files: Record<string, { image: string; label: string | null }>,
  cache: string | null,
  shape: Triple,
) {
  return createFolderDataset({
    title: 'T',
    licence: 'L',
    classes: CLASSES,
    splits: { labelled: ['a'], unlabelled: ['c'], validation: ['b'], test: [] },
    preprocessing: { ...RECIPES.p1.preprocessing, grid: { kind: 'shape', shape } },
    sampling: RECIPES.p1.sampling,
    cases: files,
    format: niftiFormat({ geometry: null, replaceNonFinite: null }),
    tolerance: 0.01,
    cache,
    check: async function* () {},
  });
}

const sourceOf = (dataset: Dataset) => ({
  reader: dataset,
  workerSource: dataset.workerSource,
  preprocessing: dataset.preprocessing,
  classCount: 3,
  cache: dataset.cache ?? null,
});

async function prepareAll(
  dataset: Dataset,
  more: { keepGoing?: boolean; workers?: number; signal?: AbortSignal } = {},
) {
  const seen: PreparedEntry[] = [];
  const { keepGoing = false, workers = 0, signal = new AbortController().signal } = more;
  const report = await prepareDataset(dataset, { workers, keepGoing, signal, onCase: (entry) => seen.push(entry) });
  return { report, states: report.cases.map(({ caseId, state }) => `${caseId} ${state}`), seen };
}

const prepared = (dataset: Dataset, id: string, role: CaseRole) =>
  createCaseWorkers(sourceOf(dataset), 0).prepare(id, role);

test('a fresh case and one from its file are the same, and are the case rounded to float16', async () => {
  const { dataset } = await build();
  const direct = prepareCase(await dataset.readCase('a', 'labelled'), dataset.preprocessing, 3);
  const fresh = await prepared(dataset, 'a', 'labelled');
  const again = await prepared(dataset, 'a', 'labelled');
  expect(again).toEqual(fresh);
  expect(fresh.image).toEqual(direct.image.map((value) => decodeFloat16(encodeFloat16(value))));
  // Half a step of float16 just below 1.
  expect(Math.max(...direct.image.map((value, at) => Math.abs(value - fresh.image[at]!)))).toBeLessThanOrEqual(
    2 ** -12,
  );
  expect({ ...fresh, image: null }).toEqual({ ...direct, image: null });
  expect(again.image.buffer).toBeInstanceOf(SharedArrayBuffer);
});

test('prepares what the splits name, once; threads give the same files', async () => {
  const { dataset, cache } = await build();
  const first = await prepareAll(dataset);
  expect(first.states).toEqual(['a made', 'c made', 'b made']);
  expect((await prepareAll(dataset)).states).toEqual(['a kept', 'c kept', 'b kept']);
  const files = (await readdir(cache)).sort();
  expect(files.map((name) => name.replace(/\.[0-9a-f]{16}\./, '.'))).toEqual([
    'a.pair.safetensors',
    'b.pair.safetensors',
    'c.image.safetensors',
    'prepared.json',
  ]);
  const read = () => Promise.all(files.slice(0, 3).map((name) => readFile(join(cache, name))));
  const before = await read();
  await rm(cache, { recursive: true });
  expect((await prepareAll(dataset, { workers: 2 })).states).toEqual(first.states);
  expect((await read()).every((bytes, index) => bytes.equals(before[index]!))).toBe(true);
});

test('the label of an unlabelled case is neither opened nor kept', async () => {
  const { dataset, root, cache } = await build();
  await writeFile(join(root, 'c-label.nii.gz'), 'no NIfTI file');
  await prepareAll(dataset);
  const name = (await readdir(cache)).find((file) => file.startsWith('c.'))!;
  expect([...(await readSafetensors(join(cache, name))).entries.keys()]).toEqual(['image']);
  expect((await prepared(dataset, 'c', 'unlabelled')).label).toBeNull();
});

test('a file that was changed is noticed; one that was only touched is not prepared again', async () => {
  const { dataset, root } = await build();
  await prepareAll(dataset);
  const past = new Date(1e12);
  await utimes(join(root, 'a.nii.gz'), past, past);
  await writeNifti(join(root, 'b.nii.gz'), imageOf(7));
  expect((await prepareAll(dataset)).states).toEqual(['a kept', 'c kept', 'b changed']);
  const direct = prepareCase(await dataset.readCase('b', 'validation'), dataset.preprocessing, 3);
  expect((await prepared(dataset, 'b', 'validation')).image[20]).toBeCloseTo(direct.image[20]!, 3);
});

test('another recipe has files of its own', async () => {
  const { dataset, cache } = await build();
  await prepareAll(dataset);
  const files = Object.fromEntries(
    ['a', 'b', 'c'].map((id) => {
      const folder = cache.replace(/cache$/, '');
      return [id, { image: join(folder, `${id}.nii.gz`), label: join(folder, `${id}-label.nii.gz`) }];
    }),
  );
  expect((await prepareAll(datasetOf(files, cache, [6, 7, 9]))).states).toEqual(['a made', 'c made', 'b made']);
  expect((await prepareAll(dataset)).states).toEqual(['a kept', 'c kept', 'b kept']);
});

test('a damaged prepared file is made again, byte for byte', async () => {
  const { dataset, cache } = await build();
  await prepareAll(dataset);
  const file = join(cache, (await readdir(cache)).find((name) => name.startsWith('a.'))!);
  const whole = await readFile(file);
  const flipped = Buffer.from(whole);
  flipped[flipped.length - 5]! ^= 1;
  for (const damaged of [whole.subarray(0, 100), whole.subarray(0, whole.length - 3), flipped, Buffer.from('x')]) {
    await writeFile(file, damaged);
    expect((await prepareAll(dataset)).states[0]).toBe('a made');
    expect((await readFile(file)).equals(whole)).toBe(true);
  }
});

test('a prepared file says nothing that was not written: its geometry is as safe as its voxels', async () => {
  const { dataset, cache } = await build();
  await prepareAll(dataset);
  const file = join(cache, (await readdir(cache)).find((name) => name.startsWith('a.'))!);
  const whole = await readFile(file, 'latin1');
  const before = await prepared(dataset, 'a', 'labelled');
  const [stamp] = whole.match(/stamp[^,]+/)!;
  for (const [from, to] of [
    // The source lies 7 mm further on, in as many bytes.
    ['[0,0,3,0]', '[0,0,3,7]'],
    [stamp, stamp.replace(/\d/, (digit) => String((Number(digit) + 1) % 10))],
  ] as const) {
    const spoiled = whole.replaceAll(from, to);
    expect(spoiled).not.toBe(whole);
    await writeFile(file, spoiled, 'latin1');
    expect(await preparedDigests(dataset)('a', 'labelled', await dataset.identify!('a', 'labelled'))).toBeNull();
    expect(await prepared(dataset, 'a', 'labelled')).toEqual(before);
    expect(await readFile(file, 'latin1')).toBe(whole);
  }
});

test('a missing file ends the preparation, or is left out and recorded', async () => {
  const { dataset, root, cache } = await build();
  await rm(join(root, 'c.nii.gz'));
  await expect(prepareAll(dataset)).rejects.toMatchObject({ code: 'DMX_CASE_UNUSABLE' });
  expect((await readdir(cache)).filter((name) => name.startsWith('a.'))).toHaveLength(1);
  const { report, states } = await prepareAll(dataset, { keepGoing: true });
  expect(states).toEqual(['a kept', 'c failed', 'b made']);
  expect(report.cases[1]!.reason).toMatch(/c\.nii\.gz.*cannot be read/);
  const record = JSON.parse(await readFile(join(cache, 'prepared.json'), 'utf8'));
  expect(record.cases[1]).toEqual({
    caseId: 'c',
    role: 'unlabelled',
    state: 'failed',
    file: null,
    reason: report.cases[1]!.reason,
    fix: expect.stringContaining('take the case out of the split'),
  });
});

test('an image that is one value, or is so after the clip to [-75, 275], is refused and not kept', async () => {
  const { dataset, root, cache } = await build();
  const flat = createVolume({ data: new Int16Array(120).fill(-1000), shape: SHAPE, spacing: [3, 1.5, 1.5] });
  const bright = createVolume({
    data: imageOf(0).data.map((value) => value + 700),
    shape: SHAPE,
    spacing: [3, 1.5, 1.5],
  });
  await writeNifti(join(root, 'a.nii.gz'), flat);
  await writeNifti(join(root, 'c.nii.gz'), bright);
  await expect(prepareAll(dataset)).rejects.toMatchObject({ code: 'DMX_CASE_UNUSABLE' });
  for (const workers of [0, 1]) {
    const { report, states } = await prepareAll(dataset, { keepGoing: true, workers });
    expect(states).toEqual(['a failed', 'c failed', expect.stringMatching(/^b /)]);
    expect(report.cases[0]!.reason).toMatch(/a\.nii\.gz: its intensity is -1000 everywhere/);
    expect(report.cases[1]!.reason).toMatch(
      /c\.nii\.gz: its intensities, 300 to 1189, are one value after the preparation \(clip, min-max\)/,
    );
  }
  expect((await readdir(cache)).filter((name) => /^[ac]\./.test(name))).toEqual([]);
});

test('a file that vanishes during the preparation is named, the others are kept', async () => {
  const { root, cache, dataset } = await build();
  const run = (keepGoing: boolean) =>
    prepareDataset(dataset, {
      workers: 0,
      keepGoing,
      signal: new AbortController().signal,
      onCase: ({ caseId }) => caseId === 'a' && rmSync(join(root, 'b.nii.gz'), { force: true }),
    });
  const report = await run(true);
  const states = report.cases.map(({ caseId, state }) => [caseId, state]);
  expect(Object.fromEntries(states)).toEqual({ a: 'made', b: 'failed', c: 'made' });
  expect(report.cases.find(({ caseId }) => caseId === 'b')!.reason).toMatch(/b\.nii\.gz.*cannot be read: ENOENT/s);
  expect((await readdir(cache)).filter((name) => name.endsWith('.safetensors'))).toHaveLength(2);
  await expect(run(false)).rejects.toMatchObject({
    code: 'DMX_CASE_UNUSABLE',
    message: expect.stringContaining('b.nii.gz'),
  });
});

test('the fingerprint takes digests from prepared files as long as stamps hold, and is the same', async () => {
  const { root, dataset } = await build();
  const computed = await dataset.fingerprint();
  await prepareAll(dataset);
  const asked: (string | null)[] = [];
  const known = preparedDigests(dataset);
  const noting: typeof known = async (id, role, identity) => {
    const digests = await known(id, role, identity);
    asked.push(digests && id);
    return digests;
  };
  expect(await dataset.fingerprint(noting)).toEqual(computed);
  expect(asked).toEqual(['a', 'c', 'b']);
  await writeNifti(join(root, 'a.nii.gz'), imageOf(9));
  await utimes(join(root, 'a.nii.gz'), new Date(), new Date(2031, 1, 1));
  asked.length = 0;
  const changed = await dataset.fingerprint(noting);
  expect(asked).toEqual([null, 'c', 'b']);
  expect(changed.cases.a!.image).not.toBe(computed.cases.a!.image);
});

test('a prepared file is stale where its image changed, not where it was only touched or never made', async () => {
  const { root, dataset } = await build();
  const stale = async () => {
    const found: (string | null)[] = [];
    for await (const problem of stalePrepared(dataset)) found.push(problem.caseId);
    return found;
  };
  expect(await stale()).toEqual([]);
  await prepareAll(dataset);
  for (const id of ['a', 'b']) await utimes(join(root, `${id}.nii.gz`), new Date(), new Date(2031, 1, 1));
  expect(await stale()).toEqual([]);
  await writeNifti(join(root, 'b.nii.gz'), imageOf(9));
  expect(await stale()).toEqual(['b']);
});

test('two preparations at once do the work once, one after the other', async () => {
  const { dataset, cache } = await build();
  const waits: string[] = [];
  const run = () =>
    prepareDataset(dataset, {
      workers: 0,
      keepGoing: false,
      signal: new AbortController().signal,
      onCase: () => undefined,
      onWait: (message) => waits.push(message),
    });
  const reports = await Promise.all([run(), run()]);
  const states = reports.map(({ cases }) => cases.map(({ state }) => state).join());
  expect(states.sort()).toEqual(['kept,kept,kept', 'made,made,made']);
  expect(waits).toEqual([expect.stringContaining(`${cache} is in use by process ${process.pid}`)]);
  expect((await readdir(cache)).filter((name) => name.startsWith('.'))).toEqual([]);
});

test('a folder that takes no files is to blame, not a case', async () => {
  const { dataset, root, cache } = await build();
  await writeFile(cache, 'a file');
  await expect(prepareAll(dataset)).rejects.toMatchObject({ code: 'DMX_FOLDER', file: cache });
  // A folder where the first file should go: renaming onto it fails, as writing does on a full disk.
  await rm(cache);
  await prepareAll(dataset);
  const name = (await readdir(cache)).find((file) => file.startsWith('a.'))!;
  await rm(join(cache, name));
  await mkdir(join(cache, name, 'x'), { recursive: true });
  await writeNifti(join(root, 'a.nii.gz'), imageOf(8));
  for (const workers of [0, 1]) {
    await expect(prepareAll(dataset, { keepGoing: true, workers })).rejects.toMatchObject({
      code: 'DMX_PREPARE_WRITE',
      summary: `Prepared volumes cannot be kept in ${cache}`,
      fix: expect.stringContaining('option "cache"'),
    });
  }
});

test('an interrupted preparation goes on where it was', async () => {
  const { dataset, cache } = await build();
  const controller = new AbortController();
  const first = prepareDataset(dataset, {
    workers: 0,
    keepGoing: false,
    signal: controller.signal,
    onCase: () => controller.abort(new Error('stop')),
  });
  await expect(first).rejects.toThrow('stop');
  expect(await readdir(cache)).toHaveLength(1);
  expect((await prepareAll(dataset)).states).toEqual(['a kept', 'c made', 'b made']);
});

test('a data set without a folder for it cannot be prepared', async () => {
  const { dataset } = await build();
  await expect(prepareAll({ ...dataset, cache: null })).rejects.toMatchObject({ code: 'DMX_PREPARE_CACHE' });
});

test('a survey gives shapes, spacings, percentiles as numpy has them, voxels per class', async () => {
  const { dataset } = await build();
  const signal = new AbortController().signal;
  const [a, c] = await surveyDataset(dataset, { workers: 0, signal, onCase: () => undefined });
  expect(a).toMatchObject({
    caseId: 'a',
    role: 'labelled',
    shape: [4, 5, 6],
    spacing: [3, 1.5, 1.5],
    voxels: [40, 40, 40],
  });
  expect(c).toMatchObject({ caseId: 'c', role: 'unlabelled', foreground: null, voxels: null });
  // numpy.percentile([(i * 37) % 900 - 400 for i in range(120)], [0, 0.5, 5, 25, 50, 75, 95, 99.5, 100])
  const expected = [-400, -399.405, -362.05, -180.75, 38.5, 257.75, 439.6, 488.405, 489];
  a!.intensities.forEach((value, index) => {
    expect(value).toBeCloseTo(expected[index]!, 9);
  });
});
