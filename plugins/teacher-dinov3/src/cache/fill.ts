import { resolve } from 'node:path';
import type { Index3, TeacherCacheContext, TeacherCacheFill, TeacherCachePlan } from '@dinomix/core';
import { type Describer, openDescriber } from '../describe.js';
import { teacherError } from '../errors.js';
import { freeBytes } from '../free-bytes.js';
import type { Dinov3Options } from '../options.js';
import { SLICE_AXES } from '../slices.js';
import { openDescriberPool } from './describer-pool.js';
import { assertHalf, TokenFiles, tokenBytes, volumeDigest } from './token-files.js';

/**
 * Seconds from volume to volume of this shape with `workers` at work: each is given one call of the model, three times, and
 * the shortest counts, because the first ones allocate.
 */
async function timeVolume(
  describer: Describer,
  shape: Index3,
  { axis, sliceStride, slicesPerLayer, slicesPerCall }: Dinov3Options,
  { workers, signal }: Pick<TeacherCacheContext, 'workers' | 'signal'>,
): Promise<number> {
  const [across] = SLICE_AXES[axis];
  const extent = Math.min(shape[across], Math.max(1, Math.round((slicesPerCall * sliceStride) / slicesPerLayer)));
  const part = shape.with(across, extent) as unknown as Index3;
  const black = new Float32Array(part[0] * part[1] * part[2]);
  let seconds = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round++) {
    const started = performance.now();
    await Promise.all(Array.from({ length: Math.max(1, workers) }, () => describer.describe(black, part, signal)));
    seconds = Math.min(seconds, (performance.now() - started) / 1000);
  }
  return (seconds * shape[across]) / extent / Math.max(1, workers);
}

async function makePlan(
  options: Dinov3Options,
  limitBytes: number,
  describer: Describer,
  files: TokenFiles,
  ctx: TeacherCacheContext,
): Promise<TeacherCachePlan> {
  const cases = options.looksAt.flatMap((part) => ctx.splits[part]);
  const held = await files.held(cases, (caseId) => ctx.volume(caseId));
  const present = cases.filter((caseId) => held.has(caseId));
  const kept = present.reduce((sum, caseId) => sum + held.get(caseId)!, 0);
  const plan = {
    directory: files.directory,
    provenance: describer.provenance,
    cases,
    present,
    limitBytes,
    freeBytes: await freeBytes(files.directory),
  };
  const first = cases.find((caseId) => !held.has(caseId));
  if (first === undefined) {
    const bytesPerVolume = kept / Math.max(1, present.length);
    return { ...plan, shape: null, bytesPerVolume, secondsPerVolume: 0, bytes: kept, seconds: 0 };
  }
  const started = performance.now();
  const { shape } = await ctx.volume(first);
  const reading = (performance.now() - started) / 1000 / Math.max(1, ctx.workers);
  const bytesPerVolume = tokenBytes(await describer.cells(shape), describer.channels);
  const secondsPerVolume = reading + (await timeVolume(describer, shape, options, ctx));
  const missing = cases.length - present.length;
  const bytes = kept + missing * bytesPerVolume;
  return { ...plan, shape, bytesPerVolume, secondsPerVolume, bytes, seconds: missing * secondsPerVolume };
}

/** @throws DmxError `DMX_TOKEN_CACHE_LIMIT` */
function limitError(directory: string, limitGb: number): Error {
  return teacherError('DMX_TOKEN_CACHE_LIMIT', {
    summary: `The token cache in ${directory} may not become larger`,
    why: `Its limit of ${limitGb} GB is reached by the volumes of this config alone. What was written stays.`,
    fix: 'Raise the option "cache.limitGb" of the teacher, or take fewer slices ("sliceStride").',
  });
}

/**
 * Opens what fills the cache of the options for whole volumes, ahead of any run, under the names that runs look for.
 * @returns null where the options keep no cache.
 * @throws as `openDescriber`.
 */
export async function openFill(options: Dinov3Options, ctx: TeacherCacheContext): Promise<TeacherCacheFill | null> {
  const { cache } = options;
  if (cache === false) return null;
  const { normalisation, patch, workers, signal } = ctx;
  const describer = await (workers === 0
    ? openDescriber(options, normalisation, patch)
    : openDescriberPool(options, normalisation, patch, workers, signal));
  const directory = cache.directory === null ? ctx.cacheDirectory : resolve(cache.directory);
  const limitBytes = cache.limitGb * 1e9;
  const files = new TokenFiles(directory, describer.recipe, limitBytes);
  try {
    await files.sweep();
    return {
      plan: await makePlan(options, limitBytes, describer, files, ctx),
      fill: async (caseId) => {
        const { image, shape } = await ctx.volume(caseId);
        const digest = volumeDigest(image, shape);
        const found = await files.open(digest, await describer.cells(shape), describer.channels);
        const isWhole = await found?.isWhole().finally(found.close);
        if (isWhole === true) return 'kept';
        if (isWhole === false) await files.remove(digest);
        const grid = await describer.describe(image, shape, signal);
        assertHalf(grid);
        if (!(await files.write(digest, grid, caseId))) throw limitError(directory, cache.limitGb);
        return 'computed';
      },
      dispose: () => describer.dispose(),
    };
  } catch (error) {
    await describer.dispose();
    throw error;
  }
}
