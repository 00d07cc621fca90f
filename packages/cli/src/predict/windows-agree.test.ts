import type { Axis, Index3, Network, WindowLook } from '@dinomix/core';
import { type SlidingWindowOptions, slidingWindow, WholeLabels, type WindowNetwork } from '@dinomix/trainer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FACTS, type RandomNetwork, randomImage, randomNetwork, SHAPE } from '../../test/random-network.js';
import { WholeScores } from '../../test/whole-scores.js';

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
  const results: WholeScores[] = [];
  for (const path of paths()) {
    const scores = new WholeScores(shape, given.classCount);
    await slidingWindow({ shape, image: randomImage(shape) }, path, given, [scores]);
    results.push(scores);
  }
  return results as [WholeScores, WholeScores];
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

/** A window of a volume `[d, h, w]`, zeros outside of it. */
function windowAt(image: Float32Array, shape: Index3, origin: Index3): Float32Array {
  const [depth, height, width] = SHAPE;
  return Float32Array.from({ length: depth * height * width }, (_, at) => {
    const place = [Math.floor(at / (height * width)), Math.floor(at / width) % height, at % width];
    const [z, y, x] = place.map((side, axis) => side + origin[axis]!) as [number, number, number];
    const isInside = [z, y, x].every((side, axis) => side >= 0 && side < shape[axis]!);
    return isInside ? image[(z * shape[1] + y) * shape[2] + x]! : 0;
  });
}

/** First voxels of windows along an axis: at a stride, the last at the border. */
function starts(size: number, side: number, stride: number): readonly number[] {
  if (size < side) return [-Math.floor((side - size) / 2)];
  const found: number[] = [];
  for (let start = 0; start < size - side; start += stride) found.push(start);
  return [...found, size - side];
}

/** Labels of sums over a whole volume at once, all windows of one mirroring before those of the next. */
async function labelsOfWhole(
  shape: Index3,
  stride: Index3,
  mirrors: readonly WindowLook['mirrored'][],
  weighted: boolean,
) {
  const image = randomImage(shape);
  const [depths, rows, columns] = shape.map((size, axis) => starts(size, SHAPE[axis]!, stride[axis]!));
  const origins = depths!.flatMap((z) => rows!.flatMap((y) => columns!.map((x): Index3 => [z, y, x])));
  const bell = SHAPE.map((side) =>
    Array.from({ length: side }, (_, at) => Math.max(1e-3, Math.exp(-0.5 * ((at - (side - 1) / 2) / (side / 8)) ** 2))),
  );
  const importance = bell[0]!.flatMap((z) => bell[1]!.flatMap((y) => bell[2]!.map((x) => z * y * x)));
  const request = { slab: shape, window: SHAPE, ...(weighted ? { importance: Float32Array.from(importance) } : {}) };
  const sum = await network.openWindows!(request);
  for (const mirrored of mirrors) {
    for (const origin of origins) await sum.add(windowAt(image, shape, origin), [{ origin, mirrored }]);
  }
  const labels = sum.labels(shape[0]);
  sum.dispose();
  return labels;
}

describe('a slab moved through a volume inside the network gives the labels of whole sums', () => {
  const PLAIN = [false, false, false] as const;
  const shapes: readonly Index3[] = [
    [13, 21, 35],
    [12, 24, 36],
    [5, 11, 19],
    [8, 16, 24],
  ];
  const cases = shapes.flatMap((shape) => [0, 0.5, 0.75].map((overlap) => [shape, overlap] as const));

  it.each(cases)('%o, overlap %d', async (shape, overlap) => {
    if (network.openWindows === undefined) {
      console.log('skipped: ONNX Runtime has no channel-blocked operators on this processor');
      return;
    }
    const stride = SHAPE.map((side) => side * (1 - overlap)) as unknown as Index3;
    for (const [blending, mirror, mirrors] of [
      ['uniform', [], [PLAIN]],
      ['gaussian', [], [PLAIN]],
      ['gaussian', [2], [PLAIN, [false, false, true]]],
    ] as const) {
      const expected = await labelsOfWhole(shape, stride, mirrors, blending === 'gaussian');
      for (const mostSumBytes of [2 ** 30, 64 * 8 * 20 * 28]) {
        const found = new WholeLabels(shape);
        const given = { ...options, stride, blending, mirror, mostSumBytes };
        await slidingWindow({ shape, image: randomImage(shape) }, paths()[0]!, given, [found]);
        expect(found.labels).toEqual(expected);
      }
    }
  });
});
