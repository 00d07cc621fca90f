import { slidingWindow, WholeLabels } from '@dinomix/trainer';
import { NETWORKS } from './programs.mjs';

/** Halvings of the network: its sides are multiples of 2 to this power. */
const LEVELS = 4;

/** Bytes of the exported network, whose weights are `tensors` by name: batch normalisation is folded on the way. */
async function exportNetwork({ tf, engine, ops }, { window, classes }, tensors) {
  const options = { norm: 'batch', slope: 0, bias: true };
  const model = {
    parameters: [],
    features: {},
    multiple: window.map(() => 2 ** LEVELS),
    forward: (x, weights) => {
      const logits = NETWORKS['vnet-batch']({ tf, ops, parameter: (name) => weights[name], options }, x);
      return { logits, features: {} };
    },
  };
  const weights = Object.fromEntries([...tensors].map(([name, { shape, data }]) => [name, tf.tensor(data, shape)]));
  const request = { model, weights, inputChannels: 1, classCount: classes, patch: window, metadata: {} };
  const bytes = await engine.exportStudent(tf.backend(), request);
  tf.dispose(weights);
  return bytes;
}

/** Means the highest averaged probability of every voxel. */
class HighestMean {
  overhang = 0;
  total = 0;
  voxels = 0;

  take(scores) {
    const probabilities = scores.probabilities();
    const [depth, height, width] = scores.box.shape;
    const count = depth * height * width;
    const classes = probabilities.length / count;
    for (let at = 0; at < probabilities.length; at += classes) {
      let highest = probabilities[at];
      for (let index = 1; index < classes; index++) highest = Math.max(highest, probabilities[at + index]);
      this.total += highest;
    }
    this.voxels += count;
  }

  get value() {
    return this.total / this.voxels;
  }
}

/**
 * A whole volume to labels, the way of `dinomix predict`: the exported network, loaded again, in the trainer's sliding
 * window. The first run also returns the mean of the highest averaged probability, for the comparison with the peer.
 */
export async function createSlidingWindow(loaded, row, tensors) {
  const { shape, window, stride, classes } = row;
  const image = tensors.get('volume').data;
  const parameters = new Map([...tensors].filter(([name]) => name !== 'volume'));
  const bytes = await exportNetwork(loaded, row, parameters);
  const network = await loaded.engine.loadNetwork(loaded.tf.backend(), bytes);
  const windowed = {
    output: 'logits',
    run: (x, sides) => network.run(x, sides),
    openWindows: (request) => network.openWindows(request),
  };
  const options = {
    ...{ patch: window, stride, overlap: 0.5, blending: 'uniform', batch: 1, mirror: [] },
    ...{ classCount: classes, padValue: 0 },
  };
  let first = true;
  return async () => {
    const highest = first ? [new HighestMean()] : [];
    first = false;
    await slidingWindow({ shape, image }, windowed, options, [new WholeLabels(shape), ...highest]);
    return highest[0]?.value;
  };
}
