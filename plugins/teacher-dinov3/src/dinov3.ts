import type { BatchPart, Index3, SlotState } from '@dinomix/core';
import type { TeacherInput, TeacherResult, TeacherSlot, TeacherStep } from '@dinomix/trainer';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { TokenLayout } from './model/inspect.js';
import { CONTROL_PROVENANCE, openVisionModel, type VisionModel } from './model/vision-model.js';
import type { Dinov3Options } from './options.js';
import { inputSides, layerSlices, renderSlices, type Sides } from './slices.js';
import { addTokens, TokenMean } from './token-grid.js';

/**
 * The slot `teacher` of a frozen DINOv3 (method.md §1.4.1 and §1.4.2): axial slices of a crop become pictures, their patch
 * tokens a grid `[b, d', h', w', c]` over the crop. No gradient reaches it: it runs outside the tensor library.
 * @param patch - training crop `[d, h, w]`, for which the model is checked when it is opened.
 */
export function createDinov3(options: Dinov3Options, patch: Index3): TeacherSlot {
  return new Dinov3(options, patch);
}

class Dinov3 implements TeacherSlot {
  readonly kind = 'outside';
  readonly produces = { probabilities: false, tokens: true } as const;
  readonly looksAt: readonly BatchPart[];
  readonly #options: Dinov3Options;
  readonly #patch: Index3;
  readonly #mean = new TokenMean();
  #model: VisionModel | null = null;
  #channels = 0;
  #display: readonly [number, number] = [0, 1];

  constructor(options: Dinov3Options, patch: Index3) {
    this.#options = options;
    this.#patch = patch;
    this.looksAt = options.looksAt;
  }

  get provenance(): string | null {
    const { model } = this.#options;
    return this.#model?.provenance ?? (model === null ? CONTROL_PROVENANCE : `teacher: ${model}`);
  }

  async open(ctx: Parameters<NonNullable<TeacherSlot['open']>>[0]): Promise<void> {
    this.#display = ctx.normalisation.display;
    this.#model = await openVisionModel(this.#options);
    const [, height, width] = this.#patch;
    this.#channels = (await this.#model.layout(this.#sides([height, width]))).channels;
  }

  tokenChannels(): number {
    return this.#channels;
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
    const state = this.#mean.state();
    if (state === null) return { json: {}, arrays: {} };
    const { mean, count } = state;
    return { json: { count }, arrays: { mean: { shape: [mean.length], data: mean } } };
  }

  async setState({ json, arrays }: SlotState): Promise<void> {
    const mean = arrays.mean?.data;
    if (mean === undefined) return;
    if (mean.length !== this.#channels || typeof json.count !== 'number') {
      throw new Error(`dinov3: the state has a mean of ${mean.length} channels, and the model has ${this.#channels}`);
    }
    this.#mean.restore(Float64Array.from(mean), json.count);
  }

  async dispose(): Promise<void> {
    await this.#model?.dispose();
    this.#model = null;
  }

  #sides(plane: Sides): Sides {
    const { upscale, patchSize } = this.#options;
    return this.#model?.interface.fixedSides ?? inputSides(plane, upscale, patchSize);
  }

  async #tokens({ image, data }: TeacherInput, ctx: TeacherStep): Promise<Tensor> {
    const [crops, depth, height, width] = image.shape as [number, number, number, number];
    const { sliceStride, slicesPerLayer, subtractMean } = this.#options;
    const sides = this.#sides([height, width]);
    const layout = await this.#opened().layout(sides);
    const layers = layerSlices(depth, sliceStride, slicesPerLayer);
    const shape = [crops, layers.length, layout.rows, layout.columns, layout.channels];
    const grid = new Float32Array(shape.reduce((product, side) => product * side, 1));
    const [voxels, size] = [depth * height * width, grid.length / crops];
    for (let crop = 0; crop < crops; crop++) {
      const intensities = data.subarray(crop * voxels, (crop + 1) * voxels);
      const target = grid.subarray(crop * size, (crop + 1) * size);
      await this.#describe(intensities, [depth, height, width], layers, layout, sides, target, ctx.signal);
    }
    if (subtractMean) {
      this.#mean.observe(grid, layout.channels);
      this.#mean.subtract(grid);
    }
    return ctx.tensor(grid, shape);
  }

  /** Fills the token grid `[d', h', w', c]` of one crop. */
  async #describe(
    intensities: Float32Array,
    shape: Index3,
    layers: readonly (readonly number[])[],
    layout: TokenLayout,
    sides: Sides,
    grid: Float32Array,
    signal: AbortSignal,
  ): Promise<void> {
    const model = this.#opened();
    const slices = layers.flat();
    const pictures = renderSlices(intensities, shape, slices, sides, this.#display, this.#options);
    const answers = await model.run(pictures, slices.length, sides, signal);
    const size = grid.length / layers.length;
    const perLayer = this.#options.slicesPerLayer;
    for (const [index, answer] of answers.entries()) {
      const layer = Math.floor(index / perLayer);
      const target = grid.subarray(layer * size, (layer + 1) * size);
      addTokens(answer, model.interface.layout === 'map', layout, target, 1 / perLayer);
    }
  }

  #opened(): VisionModel {
    if (this.#model === null) throw new Error('dinov3: the teacher was asked before it was opened');
    return this.#model;
  }
}
