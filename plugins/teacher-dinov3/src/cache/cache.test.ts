import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Crop, Index3, PreparedVolume } from '@dinomix/core';
import { createVolume, crop as cutVolume, flipInPlace } from '@dinomix/volume';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { patchMeanModel, writeTemporary } from '../../test/models.js';
import { largestDifference } from '../../test/reference.js';
import { SHAPE, volumeOf } from '../../test/volumes.js';
import { type Describer, openDescriber } from '../describe.js';
import { optionsSchema } from '../options.js';
import { CachedTokens, type CacheMaterial } from './cached-tokens.js';
import { TokenFiles } from './token-files.js';

const root = await mkdtemp(join(tmpdir(), 'dinomix-cache-'));
afterAll(() => rm(root, { recursive: true, force: true }));
const folder = (): Promise<string> => mkdtemp(join(root, 'case-'));
const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const dispose of opened.splice(0)) await dispose();
});
const signal = new AbortController().signal;
const normalisation = { steps: [], display: [0, 1] } as const;

const PATCH: Index3 = [16, 32, 32];

function cropOf({ shape, image }: PreparedVolume, { offset, flips }: Crop): Float32Array {
  const volume = createVolume({ data: image, shape, spacing: [1, 1, 1] });
  const data = Float32Array.from(cutVolume(volume, { offset, shape: PATCH }, 0).data);
  flipInPlace(data, PATCH, flips);
  return data;
}

const at = (offset: Index3, flips: Crop['flips'] = [false, false, false]): Crop => ({ caseId: 'a', offset, flips });

interface Setting {
  readonly describer: Describer;
  readonly directory: string;
  readonly warnings: string[];
  /** Calls of the model for whole volumes. */
  readonly described: { count: number };
  readonly files: TokenFiles;
  open(more?: Partial<CacheMaterial>): CachedTokens;
}

/** Tokens that are the mean grey of each patch alone: no context. */
const localModel = await writeTemporary('local.onnx', await patchMeanModel());
const LOCAL = { model: localModel, mean: [0, 0, 0], deviation: [1, 1, 1], upscale: 2, threads: 1 } as const;
const CONTROL = { control: { channels: 24, blocks: 2, heads: 2, seed: 1 }, upscale: 2, threads: 1 } as const;

type Given = z.input<typeof optionsSchema>;

async function setting(
  given: Given,
  { directory, limit = 1e9 }: { readonly directory?: string; readonly limit?: number } = {},
): Promise<Setting> {
  const described = { count: 0 };
  const real = await openDescriber(optionsSchema.parse(given), normalisation, PATCH);
  const describer: Describer = {
    provenance: real.provenance,
    recipe: real.recipe,
    channels: real.channels,
    cells: (shape) => real.cells(shape),
    describe: (...args) => {
      described.count++;
      return real.describe(...args);
    },
    dispose: () => real.dispose(),
  };
  const place = directory ?? (await folder());
  const warnings: string[] = [];
  const files = new TokenFiles(place, describer.recipe, limit);
  opened.push(() => real.dispose());
  const open = (more: Partial<CacheMaterial> = {}): CachedTokens => {
    const cache = new CachedTokens({
      describer,
      files,
      volume: async (caseId) => volumeOf(caseId === 'a' ? 0 : 1),
      memory: 1e9,
      warn: (message) => warnings.push(message),
      ...more,
    });
    opened.push(() => cache.dispose());
    return cache;
  };
  return { describer, directory: place, warnings, described, files, open };
}

async function tokensOf(cache: CachedTokens, describer: Describer, crop: Crop): Promise<Float32Array> {
  const cells = await describer.cells(PATCH);
  const out = new Float32Array(cells[0] * cells[1] * cells[2] * describer.channels);
  await cache.fill(crop, PATCH, cells, out, signal);
  return out;
}

async function online(describer: Describer, crop: Crop): Promise<Float32Array> {
  return (await describer.describe(cropOf(volumeOf(0), crop), PATCH, signal)).values;
}

/** Mean cosine between the tokens of two grids. */
function meanCosine(a: Float32Array, b: Float32Array, channels: number): number {
  let sum = 0;
  for (let start = 0; start < a.length; start += channels) {
    let [dot, aa, bb] = [0, 0, 0];
    for (let index = start; index < start + channels; index++) {
      dot += a[index]! * b[index]!;
      aa += a[index]! ** 2;
      bb += b[index]! ** 2;
    }
    sum += dot / Math.sqrt(aa * bb);
  }
  return (sum * channels) / a.length;
}

describe('cached and on-line tokens', () => {
  it('agree on aligned crops where a token is its own patch alone', async () => {
    const { describer, open } = await setting(LOCAL);
    const cache = open();
    for (const crop of [at([0, 0, 0]), at([8, 16, 24]), at([8, 8, 32])]) {
      const [found, expected] = [await tokensOf(cache, describer, crop), await online(describer, crop)];
      // Half precision, and the bilinear enlargement that looks over the border of the crop by one voxel.
      expect(largestDifference(found, expected)).toBeLessThan(4e-3);
    }
  });

  it('agree to the last bit of half precision where the crop is the whole slice', async () => {
    const { describer, open } = await setting(CONTROL);
    const whole: Index3 = [24, 48, 64];
    const volume = volumeOf(0);
    const cells = await describer.cells(whole);
    const out = new Float32Array(cells[0] * cells[1] * cells[2] * describer.channels);
    await open().fill(at([0, 0, 0]), whole, cells, out, signal);
    const { values } = await describer.describe(volume.image, whole, signal);
    expect(largestDifference(out, values)).toBeLessThan(2 ** -10);
  });

  it('differ by the context of the slice with a transformer', async () => {
    const { describer, open } = await setting(CONTROL);
    const cache = open();
    const crop = at([8, 16, 32]);
    const [found, expected] = [await tokensOf(cache, describer, crop), await online(describer, crop)];
    const own = meanCosine(found, expected, describer.channels);
    expect(own).toBeGreaterThan(0.85);
    expect(own).toBeLessThan(0.999);
  });

  it.each([[[true, false, false]], [[false, true, false]], [[false, false, true]], [[true, true, true]]] as const)(
    'agree on crops flipped by %j',
    async (flips) => {
      const { describer, open } = await setting(LOCAL);
      // Mean of all slices of a layer: a single slice is not in its middle.
      const even = await setting({ ...LOCAL, slicesPerLayer: 8 });
      const crop = at([8, 16, 24], flips);
      expect(
        largestDifference(await tokensOf(even.open(), even.describer, crop), await online(even.describer, crop)),
      ).toBeLessThan(4e-3);
      const plain = await tokensOf(open(), describer, at([8, 16, 24]));
      const flipped = await tokensOf(open(), describer, crop);
      const cells = await describer.cells(PATCH);
      const columns = plain.filter((_, index) => index % 3 === 0);
      const back = flipped.filter((_, index) => index % 3 === 0);
      flipInPlace(back, cells, flips);
      expect(largestDifference(back, columns)).toBeLessThan(1e-6);
    },
  );

  it('lie between cells, trilinear, where the crop does', async () => {
    const { describer, open } = await setting(LOCAL);
    const cache = open();
    const [low, high] = [
      await tokensOf(cache, describer, at([0, 8, 16])),
      await tokensOf(cache, describer, at([0, 8, 24])),
    ];
    const quarter = await tokensOf(cache, describer, at([0, 8, 18]));
    expect(
      largestDifference(
        quarter,
        low.map((value, index) => 0.75 * value + 0.25 * high[index]!),
      ),
    ).toBeLessThan(1e-5);
    // Outside of the volume the outer tokens go on.
    const outside = await tokensOf(cache, describer, at([-8, 0, 0]));
    const inside = await tokensOf(cache, describer, at([0, 0, 0]));
    expect(largestDifference(outside.subarray(0, 48), inside.subarray(0, 48))).toBe(0);
  });

  it.each(['coronal', 'sagittal'] as const)('agree with %s slices', async (axis) => {
    const { describer, open } = await setting({ ...LOCAL, axis, slicesPerLayer: 8 });
    const crop = at([8, 16, 24]);
    expect(await describer.cells(SHAPE)).toEqual([3, 6, 8]);
    expect(largestDifference(await tokensOf(open(), describer, crop), await online(describer, crop))).toBeLessThan(
      8e-3,
    );
  });
});

it('the mean of a data set is that over all tokens of its volumes', async () => {
  const { describer, open, described } = await setting(CONTROL);
  const cache = open();
  const found = await cache.mean(['a', 'b'], signal);
  const tokens = await Promise.all([0, 1].map((phase) => describer.describe(volumeOf(phase).image, SHAPE, signal)));
  const columns = (channel: number) =>
    tokens.flatMap(({ values }) => [...values.filter((_, index) => index % describer.channels === channel)]);
  found.forEach((value, channel) => {
    const all = columns(channel);
    expect(value).toBeCloseTo(all.reduce((a, b) => a + b) / all.length, 3);
  });
  // From the files of both, and in memory or not, to the last bit.
  described.count = 0;
  expect(await open({ memory: 0 }).mean(['a', 'b'], signal)).toEqual(found);
  expect(described.count).toBe(0);
});

describe('the files', () => {
  it('are written once and read by the next run, the same bits', async () => {
    const first = await setting(LOCAL);
    const crop = at([3, 5, 7]);
    const tokens = await tokensOf(first.open(), first.describer, crop);
    const names = await readdir(first.directory);
    expect(names).toHaveLength(1);
    const next = await setting(LOCAL, { directory: first.directory });
    expect([...(await next.files.held(['a'], async () => volumeOf(0)))]).toEqual([
      ['a', (await stat(join(first.directory, names[0]!))).size],
    ]);
    expect(await tokensOf(next.open({ memory: 0 }), next.describer, crop)).toEqual(tokens);
    expect(next.described.count).toBe(0);
    expect(first.described.count).toBe(1);
  });

  it('of other weights, slicing or volumes are not taken', async () => {
    const { directory } = await (async () => {
      const first = await setting(CONTROL);
      await tokensOf(first.open(), first.describer, at([0, 0, 0]));
      return first;
    })();
    const others = [
      { ...CONTROL, control: { ...CONTROL.control, seed: 2 } },
      { ...CONTROL, sliceStride: 4 },
      { ...CONTROL, channels: 'neighbours' as const },
    ];
    for (const given of others) {
      const other = await setting(given, { directory });
      await tokensOf(other.open(), other.describer, at([0, 0, 0]));
      expect(other.described.count).toBe(1);
    }
    const same = await setting(CONTROL, { directory });
    await tokensOf(same.open(), same.describer, { ...at([0, 0, 0]), caseId: 'b' });
    expect(same.described.count).toBe(1);
    expect(await readdir(directory)).toHaveLength(others.length + 2);
  });

  it('are known by everything that the tokens depend on, and by nothing else', async () => {
    const recipeOf = async (given: Given): Promise<string> =>
      (await setting({ model: localModel, threads: 1, ...given })).describer.recipe;
    const recipe = await recipeOf({});
    const others: readonly Given[] = [
      { model: null },
      { output: 'Conv.0.0' },
      { prefixTokens: 5 },
      { axis: 'coronal' },
      { upscale: 1 },
      { window: [0, 0.5] },
      { sliceStride: 4 },
      { slicesPerLayer: 2 },
      { channels: 'neighbours' },
      { mean: [0.43, 0.411, 0.296] },
      { deviation: [0.213, 0.156, 0.143] },
    ];
    const recipes = await Promise.all(others.map(recipeOf));
    expect(new Set([recipe, ...recipes]).size).toBe(others.length + 1);
    const same: Given = { slicesPerCall: 1, looksAt: ['labelled'], subtractMean: true, cache: { memoryMb: 1 } };
    expect(await recipeOf(same)).toBe(recipe);
  });

  it.each([
    ['cut off', (path: string) => truncate(path, 500)],
    [
      'of another recipe under this name',
      async (path: string) =>
        writeFile(path, (await readFile(path, 'latin1')).replace(/"recipe":"..../, '"recipe":"0000'), 'latin1'),
    ],
  ])('that are %s are computed again', async (_, spoil) => {
    const first = await setting(LOCAL);
    const tokens = await tokensOf(first.open(), first.describer, at([0, 0, 0]));
    const [name] = await readdir(first.directory);
    await spoil(join(first.directory, name!));
    const next = await setting(LOCAL, { directory: first.directory });
    expect(await tokensOf(next.open(), next.describer, at([0, 0, 0]))).toEqual(tokens);
    expect(next.described.count).toBe(1);
    expect(await readdir(first.directory)).toEqual([name]);
  });

  it('whose tokens are others than were written are computed again, and said so', async () => {
    const first = await setting(LOCAL);
    const tokens = await tokensOf(first.open(), first.describer, at([0, 0, 0]));
    const [name] = await readdir(first.directory);
    const path = join(first.directory, name!);
    const whole = await readFile(path);
    const flipped = Buffer.from(whole);
    // The last layer, of which the crop takes nothing; then the first.
    for (const place of [flipped.length - 1, flipped.length - 860]) {
      flipped[place]! ^= 1;
      await writeFile(path, flipped);
      const next = await setting(LOCAL, { directory: first.directory });
      const cache = next.open({ memory: 0 });
      expect(await tokensOf(cache, next.describer, at([0, 0, 0]))).toEqual(tokens);
      expect(await tokensOf(cache, next.describer, at([0, 0, 0]))).toEqual(tokens);
      const isUsed = place !== flipped.length - 1;
      expect(next.described.count).toBe(Number(isUsed));
      expect(next.warnings).toEqual(isUsed ? [expect.stringMatching(/tokens of "a" in .* are damaged/)] : []);
      if (isUsed) expect((await readFile(path)).equals(whole)).toBe(true);
      else await writeFile(path, whole);
      flipped.set(whole);
    }
  });

  it('make room for others by age, and never by those of this run', async () => {
    const directory = await folder();
    const old = ['old.safetensors', 'older.safetensors'];
    for (const name of old) await writeFile(join(directory, name), new Uint8Array(1000));
    await utimes(join(directory, 'older.safetensors'), 1, 1);
    await writeFile(join(directory, 'notes.txt'), 'not a file of the cache');
    // 3 x 6 x 8 cells of 3 channels in half precision take 864 bytes and a header.
    const { describer, open, warnings } = await setting(LOCAL, { directory, limit: 2200 });
    const cache = open();
    await tokensOf(cache, describer, at([0, 0, 0]));
    expect((await readdir(directory)).filter((name) => old.includes(name))).toEqual(['old.safetensors']);
    const small = await setting(LOCAL, { directory: await folder(), limit: 1500 });
    const both = small.open({ memory: 0 });
    const tokens = await tokensOf(both, small.describer, at([0, 0, 0]));
    const other = await tokensOf(both, small.describer, { ...at([0, 0, 0]), caseId: 'b' });
    expect(await readdir(small.directory)).toHaveLength(1);
    expect(small.warnings).toEqual([expect.stringContaining('option "cache.limitGb"')]);
    // Without room and memory they are computed again, with the same result.
    expect(await tokensOf(both, small.describer, { ...at([0, 0, 0]), caseId: 'b' })).toEqual(other);
    expect(await tokensOf(both, small.describer, at([0, 0, 0]))).toEqual(tokens);
    expect(small.described.count).toBeGreaterThan(2);
    expect(warnings).toEqual([]);
  });

  it('that cannot be written are said so once, and nothing half-written is left', async () => {
    const directory = join(await folder(), 'tokens');
    const { describer, open, warnings, files } = await setting(LOCAL, { directory });
    await mkdir(directory);
    // A folder where the file should go: renaming onto it fails, as writing does on a full disk.
    const write = files.write.bind(files);
    files.write = async (volume, grid, caseId) => {
      await mkdir(join(directory, `${await nameOf(describer)}-${volume.slice(0, 32)}.safetensors`, 'x'), {
        recursive: true,
      });
      return write(volume, grid, caseId);
    };
    const cache = open();
    await tokensOf(cache, describer, at([0, 0, 0]));
    await tokensOf(cache, describer, { ...at([0, 0, 0]), caseId: 'b' });
    expect(warnings).toEqual([expect.stringMatching(/takes no more volumes: .*cannot be written/)]);
    expect((await readdir(directory)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    expect((await stat(directory)).isDirectory()).toBe(true);
  });
});

async function nameOf({ recipe }: Describer): Promise<string> {
  const { createHash } = await import('node:crypto');
  return createHash('sha256').update(`1 ${recipe}`).digest('hex').slice(0, 16);
}
