import type { Index3, Normalisation } from '@dinomix/core';
import type { TokenLayout } from './model/inspect.js';
import { openVisionModel, type VisionModel } from './model/vision-model.js';
import type { Dinov3Options } from './options.js';
import { inputSides, inverseOrder, layerSlices, renderSlices, reorderAxes, type Sides, SLICE_AXES } from './slices.js';
import { addTokens } from './token-grid.js';
import { normalisedWindow } from './window.js';

/** Tokens on a regular grid over a crop or a whole volume. */
export interface TokenGrid {
  /** Cells along z, y, x. */
  readonly cells: Index3;
  readonly channels: number;
  /** `[d', h', w', c]`. */
  readonly values: Float32Array;
}

/** A request to stop. An AbortSignal is one, but cannot be sent to a thread. */
export type Stop = Pick<AbortSignal, 'throwIfAborted'>;

/** Makes token grids of intensities with a frozen model. */
export interface Describer {
  readonly provenance: string;
  readonly channels: number;
  /** Everything that the tokens of given intensities depend on, as JSON. */
  readonly recipe: string;
  /** Cells of the grid over intensities of this shape. */
  cells(shape: Index3): Promise<Index3>;
  /** Tokens of intensities `[d, h, w]`; the stop is looked at between calls of the model. */
  describe(intensities: Float32Array, shape: Index3, stop: Stop): Promise<TokenGrid>;
  dispose(): Promise<void>;
}

/** How the slices of one shape go through the model. */
export interface SlicePlan {
  /** Shape with the axis across the slices first. */
  readonly shape: Index3;
  readonly layers: readonly (readonly number[])[];
  readonly sides: Sides;
  readonly layout: TokenLayout;
}

/** Plans the slices of one shape. @param layoutOf - how tokens of pictures with these sides lie. */
export async function planSlices(
  { axis, sliceStride, slicesPerLayer, upscale, patchSize }: Dinov3Options,
  given: Index3,
  fixedSides: Sides | null,
  layoutOf: (sides: Sides) => Promise<TokenLayout>,
): Promise<SlicePlan> {
  const shape = SLICE_AXES[axis].map((of) => given[of]) as unknown as Index3;
  const sides = fixedSides ?? inputSides([shape[1], shape[2]], upscale, patchSize);
  return { shape, layers: layerSlices(shape[0], sliceStride, slicesPerLayer), sides, layout: await layoutOf(sides) };
}

/** Cells of the grid that a plan gives, along z, y, x. */
export function cellsOf({ layers, layout }: SlicePlan, axis: Dinov3Options['axis']): Index3 {
  const along = [layers.length, layout.rows, layout.columns] as const;
  return inverseOrder(SLICE_AXES[axis]).map((of) => along[of]) as unknown as Index3;
}

class SliceDescriber implements Describer {
  readonly provenance: string;
  readonly recipe: string;
  readonly channels: number;
  readonly #options: Dinov3Options;
  readonly #model: VisionModel;
  readonly #display: readonly [number, number];

  constructor(options: Dinov3Options, model: VisionModel, display: readonly [number, number], channels: number) {
    this.#options = options;
    this.#model = model;
    this.#display = display;
    this.channels = channels;
    this.provenance = model.provenance;
    const { patchSize, prefixTokens, upscale, axis, sliceStride, slicesPerLayer, mean, deviation } = options;
    const { input, output } = model.interface;
    const slicing = {
      axis,
      upscale,
      sliceStride,
      slicesPerLayer,
      channels: options.channels,
      mean,
      deviation,
      display,
    };
    this.recipe = JSON.stringify({ weights: model.digest, input, output, patchSize, prefixTokens, ...slicing });
  }

  async cells(shape: Index3): Promise<Index3> {
    return cellsOf(await this.#plan(shape), this.#options.axis);
  }

  async describe(intensities: Float32Array, shape: Index3, stop: Stop): Promise<TokenGrid> {
    const plan = await this.#plan(shape);
    const { layers, layout, sides } = plan;
    const order = SLICE_AXES[this.#options.axis];
    const turned = reorderAxes(intensities, shape, order);
    const size = layout.rows * layout.columns * layout.channels;
    const grid = new Float32Array(layers.length * size);
    const slices = layers.flat();
    const { slicesPerLayer } = this.#options;
    for (let first = 0; first < slices.length; first += this.#model.atOnce) {
      stop.throwIfAborted();
      const taken = slices.slice(first, first + this.#model.atOnce);
      const pictures = renderSlices(turned, plan.shape, taken, sides, this.#display, this.#options);
      const answers = await this.#model.run(pictures, taken.length, sides);
      for (const [index, answer] of answers.entries()) {
        const layer = Math.floor((first + index) / slicesPerLayer);
        const target = grid.subarray(layer * size, (layer + 1) * size);
        addTokens(answer, this.#model.interface.layout === 'map', layout, target, 1 / slicesPerLayer);
      }
    }
    const along: Index3 = [layers.length, layout.rows, layout.columns];
    const values = reorderAxes(grid, along, inverseOrder(order), layout.channels);
    return { cells: cellsOf(plan, this.#options.axis), channels: layout.channels, values };
  }

  dispose(): Promise<void> {
    return this.#model.dispose();
  }

  #plan(given: Index3): Promise<SlicePlan> {
    const { interface: contract } = this.#model;
    return planSlices(this.#options, given, contract.fixedSides, (sides) => this.#model.layout(sides));
  }
}

/**
 * Loads the model of the options and tries it on slices of a crop.
 * @param patch - crop `[d, h, w]` for which it is checked.
 * @throws Error when the model or the intensity window does not fit.
 */
export async function openDescriber(
  options: Dinov3Options,
  normalisation: Normalisation,
  patch: Index3,
): Promise<Describer> {
  const display = options.window === null ? normalisation.display : normalisedWindow(options.window, normalisation);
  const model = await openVisionModel(options);
  try {
    const [, rows, columns] = SLICE_AXES[options.axis];
    const plane: Sides = [patch[rows], patch[columns]];
    const sides = model.interface.fixedSides ?? inputSides(plane, options.upscale, options.patchSize);
    const { channels } = await model.layout(sides);
    return new SliceDescriber(options, model, display, channels);
  } catch (error) {
    await model.dispose();
    throw error;
  }
}
