/**
 * `real`: the published protocol P1. The others only show that the rows run: nothing measured with them means anything.
 * `smallest` has another network than the other side, so that it has no peer; it is for GPUs that software stands in for.
 * - volume: voxels of a case; - scan: of the file that `predict-ct` segments; - network: options over those of the preset.
 */
export const SIZES = {
  real: {
    recipe: 'p1',
    volume: [80, 160, 160],
    patch: [64, 128, 128],
    scan: [150, 512, 512],
    network: {},
    vit: { channels: 384, blocks: 12, heads: 6, seed: 0 },
    steps: 10,
  },
  tiny: {
    recipe: 'p2',
    volume: [32, 64, 64],
    patch: [16, 32, 32],
    scan: [40, 96, 96],
    network: { filters: 4 },
    vit: { channels: 384, blocks: 1, heads: 6, seed: 0 },
    steps: 10,
  },
  smallest: {
    recipe: 'p2',
    volume: [32, 64, 64],
    patch: [16, 32, 32],
    scan: [32, 64, 64],
    network: { filters: 2, levels: 3, encoderConvs: [1, 1, 1], decoderConvs: [1, 1] },
    vit: { channels: 96, blocks: 1, heads: 3, seed: 0 },
    steps: 3,
    withoutPeer: true,
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
