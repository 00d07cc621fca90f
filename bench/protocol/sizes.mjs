/**
 * `real`: the published protocol P1. `tiny` only shows that the rows run: nothing measured with it means anything.
 * - volume: voxels of a case; - scan: of the file that `predict-ct` segments; - filters: null for those of the preset.
 */
export const SIZES = {
  real: {
    recipe: 'p1',
    volume: [80, 160, 160],
    patch: [64, 128, 128],
    scan: [150, 512, 512],
    filters: null,
    vit: { channels: 384, blocks: 12, heads: 6, seed: 0 },
    steps: 10,
  },
  tiny: {
    recipe: 'p2',
    volume: [32, 64, 64],
    patch: [16, 32, 32],
    scan: [40, 96, 96],
    filters: 4,
    vit: { channels: 384, blocks: 1, heads: 6, seed: 0 },
    steps: 10,
  },
};

/** Cases of the phantom data set by part, as the ids of the Synapse layout. */
export const SPLIT = {
  labelled: ['0001', '0002', '0003', '0004'],
  unlabelled: ['0005', '0006', '0007', '0008'],
  validation: ['0009'],
  test: [],
};

export const CASES = 9;
