import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { TeacherCacheContext, TeacherCacheFill } from '@dinomix/core';
import { openSafetensors, temporaryPath } from '@dinomix/volume';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { patchMeanModel, writeTemporary } from '../../test/models.js';
import { volumeOf } from '../../test/volumes.js';
import { openDescriber } from '../describe.js';
import { optionsSchema } from '../options.js';
import { CachedTokens } from './cached-tokens.js';
import { openDescriberPool } from './describer-pool.js';
import { openFill } from './fill.js';
import { TokenFiles } from './token-files.js';

const root = await mkdtemp(join(tmpdir(), 'dinomix-fill-'));
afterAll(() => rm(root, { recursive: true, force: true }));
const folder = (): Promise<string> => mkdtemp(join(root, 'case-'));
const opened: TeacherCacheFill[] = [];
afterEach(async () => {
  for (const fill of opened.splice(0)) await fill.dispose();
});

type Given = z.input<typeof optionsSchema>;
const CONTROL: Given = { control: { channels: 24, blocks: 2, heads: 2, seed: 1 }, upscale: 2, threads: 1, cache: {} };
const normalisation = { steps: [], display: [0, 1] } as const;
const CASES = ['a', 'b', 'c'];
/** Tokens of a volume of {@link volumeOf}: 3 x 6 x 8 cells of 24 channels in half precision. */
const BYTES = 2 * 3 * 6 * 8 * 24;

async function open(
  given: Given,
  directory: string,
  more: Partial<TeacherCacheContext> = {},
): Promise<TeacherCacheFill> {
  const fill = await openFill(optionsSchema.parse(given), {
    splits: { labelled: ['a'], unlabelled: ['b', 'c'] },
    normalisation,
    patch: [16, 32, 32],
    cacheDirectory: directory,
    volume: async (caseId) => volumeOf(CASES.indexOf(caseId)),
    workers: 0,
    signal: new AbortController().signal,
    ...more,
  });
  opened.push(fill!);
  return fill!;
}

const fillAll = (fill: TeacherCacheFill): Promise<readonly string[]> => Promise.all(CASES.map((one) => fill.fill(one)));

/** Content of every file by name. */
async function contents(directory: string): Promise<Record<string, string>> {
  const names = (await readdir(directory)).sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(directory, name), 'latin1')])),
  );
}

/** Tokens of whole volumes as a training asks for them. @returns how often the model was needed. */
async function train(given: Given, directory: string, warnings: string[] = []): Promise<number> {
  const describer = await openDescriber(optionsSchema.parse(given), normalisation, [16, 32, 32]);
  let described = 0;
  const counting = {
    ...describer,
    recipe: describer.recipe,
    channels: describer.channels,
    cells: describer.cells.bind(describer),
    describe: (...args: Parameters<typeof describer.describe>) => {
      described++;
      return describer.describe(...args);
    },
  };
  const cache = new CachedTokens({
    describer: counting,
    files: new TokenFiles(directory, describer.recipe, 1e9),
    volume: async (caseId) => volumeOf(CASES.indexOf(caseId)),
    memory: 1e9,
    warn: (message) => warnings.push(message),
  });
  for (const caseId of CASES) {
    const { shape } = volumeOf(0);
    const cells = await describer.cells(shape);
    const out = new Float32Array(cells[0] * cells[1] * cells[2] * describer.channels);
    const crop = { caseId, offset: [0, 0, 0], flips: [false, false, false] } as const;
    await cache.fill(crop, shape, cells, out, new AbortController().signal);
  }
  await cache.dispose();
  await describer.dispose();
  return described;
}

describe('filling ahead', () => {
  it('plans before it computes, and a training afterwards needs no model', async () => {
    const directory = join(await folder(), 'tokens');
    const fill = await open(CONTROL, directory);
    expect(fill.plan).toMatchObject({
      directory,
      provenance: 'teacher: random control weights, not DINOv3',
      cases: CASES,
      present: [],
      shape: [24, 48, 64],
      bytesPerVolume: BYTES,
      bytes: 3 * BYTES,
      limitBytes: 20e9,
    });
    expect(fill.plan.seconds).toBeGreaterThan(0);
    expect(fill.plan.freeBytes).toBeGreaterThan(0);
    // A plan writes nothing.
    await expect(readdir(directory)).rejects.toThrow('ENOENT');
    expect(await fillAll(fill)).toEqual(['computed', 'computed', 'computed']);
    expect(await train(CONTROL, directory)).toBe(0);
  });

  it('counts no tokens of volumes that are prepared differently now', async () => {
    const directory = await folder();
    await fillAll(await open(CONTROL, directory));
    const other = async (caseId: string) => volumeOf(10 + CASES.indexOf(caseId));
    const fill = await open(CONTROL, directory, { volume: other });
    expect(fill.plan).toMatchObject({ present: [], shape: [24, 48, 64], bytes: 3 * BYTES });
    expect(await fillAll(fill)).toEqual(['computed', 'computed', 'computed']);
  });

  it('gives the same files over threads', async () => {
    const [alone, threads] = [await folder(), await folder()];
    await fillAll(await open(CONTROL, alone));
    const fill = await open(CONTROL, threads, { workers: 2 });
    expect(fill.plan.bytesPerVolume).toBe(BYTES);
    await fillAll(fill);
    expect(await contents(threads)).toEqual(await contents(alone));
  });

  it('leaves whole files alone when it is interrupted, and goes on from there', async () => {
    const directory = await folder();
    const controller = new AbortController();
    // Many calls of the model, so that it is interrupted between them.
    const control = { channels: 96, blocks: 12, heads: 3 };
    const given: Given = { ...CONTROL, control, sliceStride: 1, slicesPerCall: 1 };
    const first = await open(given, directory, { workers: 1, signal: controller.signal });
    expect(await first.fill('a')).toBe('computed');
    const before = await contents(directory);
    const [b, c] = [first.fill('b'), first.fill('c')];
    await setTimeout(5);
    controller.abort(new Error('interrupted'));
    expect((await Promise.allSettled([b, c])).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect(b).rejects.toThrow('interrupted');
    expect(await contents(directory)).toEqual(before);
    const next = await open(given, directory);
    expect(next.plan.present).toEqual(['a']);
    expect(await fillAll(next)).toEqual(['kept', 'computed', 'computed']);
    for (const name of await readdir(directory)) {
      const file = await openSafetensors(join(directory, name));
      expect(file.entries.size).toBe(24);
      await file.close();
    }
  });

  it('lets threads end their call of the model before it ends them', async () => {
    const options = optionsSchema.parse({
      ...CONTROL,
      control: { channels: 192, blocks: 12, heads: 3 },
      slicesPerCall: 1,
    });
    const { signal } = new AbortController();
    const pool = await openDescriberPool(options, normalisation, [16, 32, 32], 1, signal);
    const { image, shape } = volumeOf(0);
    const first = await pool.describe(image, shape, signal);
    expect(first.cells).toEqual([3, 6, 8]);
    const under = pool.describe(image, shape, signal).then(
      () => 'whole',
      (error: Error) => error.message,
    );
    await setTimeout(20);
    await pool.dispose();
    // Ended from outside it would be "Terminating worker thread", and might take the process with it.
    expect(await under).toMatch(/^(interrupted|whole)$/);
  });

  it('removes what a killed process left half-written, and not what another may be writing', async () => {
    const directory = await folder();
    const ended = spawnSync(process.execPath, ['-e', '']).pid;
    const mine = basename(await temporaryPath('y.safetensors'));
    const killed = mine.replace(/\.\d+-/, `.${ended}-`);
    for (const name of [killed, mine, 'z.tmp']) await writeFile(join(directory, name), 'x');
    await open(CONTROL, directory);
    expect((await readdir(directory)).sort()).toEqual([mine, 'z.tmp']);
  });

  it('computes a volume again whose tokens on the disk are others than were written', async () => {
    const directory = await folder();
    await fillAll(await open(CONTROL, directory));
    const read = async () => {
      const names = (await readdir(directory)).sort();
      return Promise.all(
        names.map(async (name) => [join(directory, name), await readFile(join(directory, name))] as const),
      );
    };
    const [first, ...others] = await read();
    const flipped = Buffer.from(first![1]);
    flipped[flipped.length - 1]! ^= 1;
    await writeFile(first![0], flipped);
    expect([...(await fillAll(await open(CONTROL, directory)))].sort()).toEqual(['computed', 'kept', 'kept']);
    expect(await read()).toEqual([first, ...others]);
  });

  it('is null where the options keep no cache', async () => {
    expect(await openFill(optionsSchema.parse({ ...CONTROL, cache: false }), {} as TeacherCacheContext)).toBeNull();
  });

  it('looks at the parts of the batch that the teacher looks at', async () => {
    const { plan } = await open({ ...CONTROL, looksAt: ['unlabelled'] }, await folder());
    expect(plan.cases).toEqual(['b', 'c']);
  });

  it('tells what a thread could not load', async () => {
    const model = await writeTemporary('no-model.onnx', 'this is not an ONNX file');
    await expect(open({ ...CONTROL, model }, await folder(), { workers: 1 })).rejects.toMatchObject({
      code: 'DMX_DINOV3_MODEL',
      phase: 'load',
      summary: expect.stringContaining('no-model.onnx" is not a DINOv3-like model'),
      fix: expect.stringContaining('download or copy is whole'),
    });
  });
});

describe('a file of weights that changed', () => {
  it('is noticed: its tokens are computed anew beside the others', async () => {
    const directory = await folder();
    const model = await writeTemporary('changing.onnx', await patchMeanModel());
    const given: Given = { ...CONTROL, model };
    await fillAll(await open(given, directory));
    expect((await open(given, directory)).plan.present).toEqual(CASES);
    await writeTemporary('changing.onnx', await patchMeanModel({ prefix: 1 }));
    const changed = await open(given, directory);
    expect(changed.plan.present).toEqual([]);
    expect(await fillAll(changed)).toEqual(['computed', 'computed', 'computed']);
    expect(await readdir(directory)).toHaveLength(6);
  });

  it('while threads fill is refused by the threads that open it later', async () => {
    const model = await writeTemporary('changing-under.onnx', await patchMeanModel());
    const { signal } = new AbortController();
    const pool = await openDescriberPool(
      optionsSchema.parse({ ...CONTROL, model }),
      normalisation,
      [16, 32, 32],
      2,
      signal,
    );
    // Only the thread that gave its facts has opened the model so far.
    await writeTemporary('changing-under.onnx', await patchMeanModel({ prefix: 1 }));
    const { image, shape } = volumeOf(0);
    const reasons: string[] = [];
    while (reasons.length === 0) {
      const ended = await Promise.allSettled([
        pool.describe(image, shape, signal),
        pool.describe(image, shape, signal),
      ]);
      for (const one of ended) if (one.status === 'rejected') reasons.push(String(one.reason));
    }
    await pool.dispose();
    expect(reasons[0]).toMatch(/changing-under\.onnx, sha256 \w+ was changed while the token cache was filled/);
  });
});

it.each([70_000, -70_000])('a value of %d, which half precision has not, is refused by both', async (value) => {
  const model = await writeTemporary('large.onnx', await patchMeanModel());
  const given: Given = { ...CONTROL, model, mean: [-value, 0, 0], deviation: [1, 1, 1] };
  const directory = await folder();
  const refused = { code: 'DMX_TOKEN_CACHE_RANGE', why: expect.stringContaining('ends at 65504') };
  await expect((await open(given, directory)).fill('a')).rejects.toMatchObject(refused);
  await expect(train(given, directory)).rejects.toMatchObject(refused);
  expect(await readdir(directory)).toEqual([]);
});

describe('too little room', () => {
  it('within the limit is taken from other recipes first, and never from the volumes at hand', async () => {
    const directory = await folder();
    await fillAll(await open(CONTROL, directory));
    const [name] = await readdir(directory);
    const { size } = await stat(join(directory, name!));
    const other: Given = { ...CONTROL, control: { channels: 24, blocks: 2, heads: 2, seed: 2 } };
    // Room for four: those of seed 1 go, although they are as new.
    await fillAll(await open({ ...other, cache: { limitGb: (4.5 * size) / 1e9 } }, directory));
    expect(await readdir(directory)).toHaveLength(4);
    expect((await open(other, directory)).plan.present).toEqual(CASES);
    const small = await open({ ...CONTROL, cache: { limitGb: (2.5 * size) / 1e9 } }, await folder());
    expect([await small.fill('a'), await small.fill('b')]).toEqual(['computed', 'computed']);
    await expect(small.fill('c')).rejects.toMatchObject({
      code: 'DMX_TOKEN_CACHE_LIMIT',
      fix: expect.stringContaining('cache.limitGb'),
    });
  });

  it('on a full disk ends the command with the reason, lets a training go on, and leaves nothing half-written', async (test) => {
    const directory = await folder();
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=20k', 'tmpfs', directory], { stdio: 'pipe' });
    } catch (thrown) {
      console.info(`skipped: a small disk cannot be mounted here (${(thrown as Error).message.trim()})`);
      return test.skip();
    }
    try {
      const fill = await open(CONTROL, directory);
      // Two volumes of 6912 bytes and their headers take two pages each; the third has one page left.
      expect(fill.plan.bytes).toBeGreaterThan(fill.plan.freeBytes);
      expect([await fill.fill('a'), await fill.fill('b')]).toEqual(['computed', 'computed']);
      await expect(fill.fill('c')).rejects.toMatchObject({
        code: 'DMX_FILE_WRITE',
        problem: expect.stringContaining('ENOSPC'),
      });
      expect((await readdir(directory)).filter((name) => !name.endsWith('.safetensors'))).toEqual([]);
      expect((await open(CONTROL, directory)).plan.present).toEqual(['a', 'b']);
      const warnings: string[] = [];
      expect(await train(CONTROL, directory, warnings)).toBe(1);
      expect(warnings).toEqual([expect.stringMatching(/takes no more volumes: .*ENOSPC/)]);
      expect((await readdir(directory)).filter((name) => !name.endsWith('.safetensors'))).toEqual([]);
    } finally {
      execFileSync('umount', ['-l', directory]);
    }
  });
});
