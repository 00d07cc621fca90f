import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type {
  BatchPart,
  SlotState,
  TeacherCacheContext,
  TeacherCacheFill,
  TeacherOutline,
  TeacherOutlineContext,
} from '@dinomix/core';
import type { TeacherInput, TeacherResult, TeacherSetup, TeacherSlot, TeacherStep } from '@dinomix/trainer';
import type { Tensor } from '@tensorflow/tfjs-core';
import { CachedTokens } from './cache/cached-tokens.js';
import { TokenFiles, tokenBytes } from './cache/token-files.js';
import { type Describer, openDescriber } from './describe.js';
import { CONTROL_PROVENANCE } from './model/vision-model.js';
import type { Dinov3Options } from './options.js';
import { subtractToken, TokenMean } from './token-grid.js';

/**
 * The slot `teacher` of a frozen DINOv3 (method.md §1.4.1 and §1.4.2): slices of a crop become pictures, their patch tokens a
 * grid `[b, d', h', w', c]` over the crop. No gradient reaches it: it runs outside the tensor library.
 */
export function createDinov3(options: Dinov3Options): TeacherSlot {
  return new Dinov3(options);
}

/** Opens the cache, and says how large it becomes where it is not full. */
async function openCache(
  options: Exclude<Dinov3Options['cache'], false>,
  describer: Describer,
  cases: readonly string[],
  ctx: TeacherSetup,
): Promise<CachedTokens> {
  const directory = options.directory === null ? ctx.cacheDirectory : resolve(options.directory);
  const files = new TokenFiles(directory, describer.recipe, options.limitGb * 1e9);
  const held = await files.held(cases, (caseId) => ctx.volume(caseId));
  const [missing, others] = [cases.filter((caseId) => !held.has(caseId)), await files.others()];
  if (missing[0] !== undefined) {
    const { shape } = await ctx.volume(missing[0]);
    const megabytes = tokenBytes(await describer.cells(shape), describer.channels) / 1e6;
    ctx.warn(
      `The token cache in ${directory} takes about ${megabytes.toFixed(1)} MB for a volume, ` +
        `${((megabytes * cases.length) / 1000).toFixed(2)} GB for all ${cases.length}; ${missing.length} are computed as they are ` +
        'drawn. "dinomix teacher cache" computes them ahead.' +
        (others === 0 ? '' : ` The ${others} files of other weights, slices or windows there are not used.`),
    );
  }
  return new CachedTokens({
    describer,
    files,
    volume: (caseId) => ctx.volume(caseId),
    memory: options.memoryMb * 1e6,
    warn: (message) => ctx.warn(message),
  });
}

class Dinov3 implements TeacherSlot {
  readonly kind = 'outside';
  readonly produces = { probabilities: false, tokens: true } as const;
  readonly looksAt: readonly BatchPart[];
  readonly #options: Dinov3Options;
  readonly #mean = new TokenMean();
  #describer: Describer | null = null;
  #cache: CachedTokens | null = null;
  /** What is known since {@link open}. */
  #setup: TeacherSetup | null = null;
  /** Mean token of the data set; known where there is a cache. */
  #exactMean: Float64Array | null = null;

  constructor(options: Dinov3Options) {
    this.#options = options;
    this.looksAt = options.looksAt;
  }

  get provenance(): string | null {
    const { model } = this.#options;
    return this.#describer?.provenance ?? (model === null ? CONTROL_PROVENANCE : `teacher: ${model}`);
  }

  async open(ctx: TeacherSetup): Promise<void> {
    const { cache } = this.#options;
    this.#setup = ctx;
    this.#describer = await openDescriber(this.#options, ctx.normalisation, ctx.patch);
    if (cache !== false) this.#cache = await openCache(cache, this.#describer, this.#cases(ctx), ctx);
  }

  async openCacheFill(ctx: TeacherCacheContext): Promise<TeacherCacheFill | null> {
    return (await import('./cache/fill.js')).openFill(this.#options, ctx);
  }

  async outline(ctx: TeacherOutlineContext): Promise<TeacherOutline> {
    return (await import('./outline.js')).outlineDinov3(this.#options, ctx);
  }

  tokenChannels(): number {
    return this.#describer?.channels ?? 0;
  }

  async predict(parts: Readonly<Partial<Record<BatchPart, TeacherInput>>>, ctx: TeacherStep): Promise<TeacherResult> {
    const answers: Partial<Record<BatchPart, { tokens: Tensor }>> = {};
    for (const name of this.looksAt) {
      const part = parts[name];
      if (part !== undefined) answers[name] = { tokens: await this.#tokens(part, ctx) };
    }
    return answers;
  }

  async getState(): Promise<SlotState> {
    const tokens = this.#recipeDigest();
    const state = this.#mean.state();
    if (state === null) return { json: { tokens }, arrays: {} };
    const { mean, count } = state;
    return { json: { tokens, count }, arrays: { mean: { shape: [mean.length], data: mean } } };
  }

  async setState({ json, arrays }: SlotState): Promise<void> {
    if (json.tokens !== undefined && json.tokens !== this.#recipeDigest()) {
      this.#setup?.warn(
        `The tokens are not those that this run began with: the weights (now ${this.provenance}), the slices or the intensity ` +
          'window of the teacher changed since the checkpoint.',
      );
    }
    const mean = arrays.mean?.data;
    if (mean === undefined) return;
    const channels = this.tokenChannels();
    if (mean.length !== channels || typeof json.count !== 'number') {
      throw new Error(`dinov3: the state has a mean of ${mean.length} channels, and the model has ${channels}`);
    }
    this.#mean.restore(Float64Array.from(mean), json.count);
  }

  async dispose(): Promise<void> {
    await this.#cache?.dispose();
    await this.#describer?.dispose();
    this.#cache = null;
    this.#describer = null;
  }

  async #tokens({ image, host }: TeacherInput, ctx: TeacherStep): Promise<Tensor> {
    const { data, crops } = host();
    const { signal } = ctx.host();
    const describer = this.#describer;
    if (describer === null) throw new Error('dinov3: the teacher was asked before it was opened');
    const [count, ...patch] = image.shape.slice(0, 4) as [number, number, number, number];
    const cells = await describer.cells(patch);
    const shape = [count, ...cells, describer.channels];
    const grid = new Float32Array(shape.reduce((product, side) => product * side, 1));
    const [voxels, size] = [data.length / count, grid.length / count];
    for (let item = 0; item < count; item++) {
      const target = grid.subarray(item * size, (item + 1) * size);
      if (this.#cache === null) {
        const intensities = data.subarray(item * voxels, (item + 1) * voxels);
        target.set((await describer.describe(intensities, patch, signal)).values);
      } else {
        await this.#cache.fill(crops[item]!, patch, cells, target, signal);
      }
    }
    if (this.#options.subtractMean) await this.#subtractMean(grid, describer.channels, signal);
    return ctx.tensor(grid, shape);
  }

  /** Cases that the teacher may be asked about. */
  #cases({ dataset: { splits } }: TeacherSetup): readonly string[] {
    return this.looksAt.flatMap((part) => splits[part]);
  }

  #recipeDigest(): string {
    return createHash('sha256')
      .update(this.#describer?.recipe ?? '')
      .digest('hex');
  }

  /** The exact mean needs all volumes; where no cache keeps them it is approached from step to step. */
  async #subtractMean(grid: Float32Array, channels: number, signal: AbortSignal): Promise<void> {
    if (this.#cache === null) {
      this.#mean.observe(grid, channels);
      this.#mean.subtract(grid);
      return;
    }
    this.#exactMean ??= await this.#cache.mean(this.#cases(this.#setup!), signal);
    subtractToken(grid, this.#exactMean);
  }
}
