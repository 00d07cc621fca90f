import type { Axis, Index3, Network } from '@dinomix/core';
import { type SlidingWindowOptions, slidingWindow, type WindowNetwork } from '@dinomix/trainer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FACTS, type RandomNetwork, randomImage, randomNetwork, SHAPE } from '../../test/random-network.js';

let random: RandomNetwork;
let network: Network;

beforeAll(async () => {
  random = await randomNetwork(16);
  network = await random.session.loadNetwork!(random.bytes);
});

afterAll(async () => {
  await network.dispose();
  await random.dispose();
});

const options: SlidingWindowOptions = {
  ...FACTS.inference,
  patch: SHAPE,
  classCount: FACTS.classes.length,
  padValue: 0,
  batch: 2,
};

/** The network, and the network without its own way of summing windows. */
const paths = (): readonly WindowNetwork[] => {
  const host: WindowNetwork = { output: 'logits', run: (x, shape) => network.run(x, shape) };
  return [{ ...host, openWindows: (request) => network.openWindows!(request) }, host];
};

async function predictBoth(shape: Index3, given: SlidingWindowOptions) {
  const results = [];
  for (const path of paths()) {
    const scores = await slidingWindow({ shape, image: randomImage(shape) }, path, given);
    const labels = scores.labels();
    results.push({ labels, probabilities: scores.probabilities().slice() });
    scores.dispose();
  }
  return results as [(typeof results)[0], (typeof results)[0]];
}

describe('sums inside the network and on the host agree', () => {
  it.each<readonly [Index3, SlidingWindowOptions['blending'], readonly Axis[]]>([
    [[13, 17, 37], 'gaussian', []],
    [[13, 17, 37], 'uniform', []],
    [[13, 17, 37], 'gaussian', [0, 2]],
    [[9, 31, 25], 'uniform', [0, 1, 2]],
    [[5, 11, 19], 'gaussian', [1]],
    [[5, 40, 3], 'uniform', []],
    [[8, 16, 24], 'gaussian', []],
  ])('%o, %s, mirrored along %o', async (shape, blending, mirror) => {
    if (network.openWindows === undefined) {
      console.log('skipped: ONNX Runtime has no channel-blocked operators on this processor');
      return;
    }
    const [inside, host] = await predictBoth(shape, { ...options, blending, mirror });
    let worst = 0;
    inside.probabilities.forEach((value, index) => {
      worst = Math.max(worst, Math.abs(value - host.probabilities[index]!));
    });
    expect(inside.probabilities.length).toBe(shape[0] * shape[1] * shape[2] * options.classCount);
    expect(worst).toBeLessThan(1e-5);
    expect(inside.labels).toEqual(host.labels);
    expect(new Set(inside.labels).size).toBe(options.classCount);
  });
});
