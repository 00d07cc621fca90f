import type { Index3, PatchSampling, Preprocessing } from '@dinomix/core';

/** A published way of preparing and sampling volumes. */
export interface Recipe {
  readonly preprocessing: Preprocessing;
  readonly sampling: PatchSampling;
  /** Grid on which metrics compare, where it is not the working grid. */
  readonly metricShape?: Index3;
}

/** Names of the recipes. */
export type RecipeName = 'p1' | 'p2' | 'respaced';

const CROPS = { foreground: 0, upperOffset: 'exclusive', padValue: 0 } as const;

/**
 * The recipes of the two protocols of the field, which are never to be mixed in one table, and one for new data.
 *
 * @remarks
 * `p1` (DHC, A&D, SKCDF; method.md §2.1 and §2.4): axes of the file, the whole volume resized to 80x160x160, images by
 * PyTorch's trilinear rule with align_corners=False, labels by its `nearest`, clip to [-75, 275], then the volume's own
 * minimum and maximum; crops at randint(0, size - patch), sides up to the patch padded by three voxels more than it takes,
 * flips of y and x.
 * `p2` (GALoss, TAK, SCDL on AMOS; method.md §2.8): axes and grid of the file, clip to [-125, 275], (x + 125) / 400;
 * crops without flips.
 * `respaced` is for data without a published protocol: RAS axes, cut to the body, 3x1.5x1.5 mm, clip to the percentiles 0.5
 * and 99.5 of the volume, mean 0 and standard deviation 1; a third of the crops around a foreground voxel, no flips, which
 * would exchange left and right organs.
 */
export const RECIPES: Readonly<Record<RecipeName, Recipe>> = {
  p1: {
    preprocessing: {
      orientation: 'keep',
      grid: { kind: 'shape', shape: [80, 160, 160] },
      labelRule: 'nearest',
      normalisation: { steps: [{ kind: 'clip', low: -75, high: 275 }, { kind: 'min-max' }], display: [0, 1] },
    },
    sampling: { ...CROPS, margin: 3, flips: [1, 2] },
  },
  p2: {
    preprocessing: {
      orientation: 'keep',
      grid: { kind: 'keep' },
      normalisation: {
        steps: [
          { kind: 'clip', low: -125, high: 275 },
          { kind: 'affine', subtract: -125, divide: 400 },
        ],
        display: [0, 1],
      },
    },
    sampling: { ...CROPS, flips: [] },
  },
  respaced: {
    preprocessing: {
      orientation: 'RAS',
      crop: { above: -500, margin: 10 },
      grid: { kind: 'spacing', spacing: [3, 1.5, 1.5] },
      normalisation: {
        steps: [{ kind: 'clip-percentiles', low: 0.5, high: 99.5 }, { kind: 'z-score' }],
        display: [-2, 2],
      },
    },
    sampling: { ...CROPS, foreground: 1 / 3, upperOffset: 'inclusive', flips: [] },
  },
};

/** Options that change how crops are drawn. */
export interface SamplingOptions {
  readonly augmentation: 'recipe' | 'strong';
  readonly swapSides: boolean;
}

/**
 * The recipe with another augmentation.
 * @param sides - classes that a mirror along x exchanges.
 */
export function withSampling(
  recipe: Recipe,
  { augmentation, swapSides }: SamplingOptions,
  sides: readonly (readonly [number, number])[],
): Recipe {
  const { sampling } = recipe;
  const swap = swapSides ? { axis: 2 as const, pairs: sides } : null;
  // A&D exchanges the flips for the strong augmentation.
  const drawn = augmentation === 'strong' ? { ...sampling, flips: [], augmentation } : sampling;
  return { ...recipe, sampling: swap === null ? drawn : { ...drawn, swap } };
}
