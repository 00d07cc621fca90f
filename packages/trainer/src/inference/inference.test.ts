import type { Axis, Index3 } from '@dinomix/core';
import { createGrid, planReorientation, reorient, resizeTrilinear } from '@dinomix/volume';
import { describe, expect, it } from 'vitest';
import { WholeScores } from '../../test/whole-scores.js';
import { labelsOfSource, restoreLabels } from './labels.js';
import { mirrorings } from './looks.js';
import { mostProbable } from './most-probable.js';
import type { ScoreReceiver } from './plane-scores.js';
import { type SlidingWindowOptions, slidingWindow, type WindowNetwork } from './sliding-window.js';
import { weightSums, windowStarts, windowStride, windowWeights } from './windows.js';

describe('windows', () => {
  it.each([
    // P1: 80 × 160 × 160 in windows of 64 × 128 × 128 at stride 16 × 32 × 32, and GEN's 4 × 16 × 16 (method.md §2.6).
    [80, 64, 16, [0, 16]],
    [160, 128, 32, [0, 32]],
    [80, 64, 4, [0, 4, 8, 12, 16]],
    [160, 128, 16, [0, 16, 32]],
    [100, 64, 32, [0, 32, 36]],
    [64, 64, 32, [0]],
    [61, 64, 32, [-1]],
  ])('%i voxels, window %i, stride %i', (size, side, stride, expected) => {
    expect(windowStarts(size, side, stride)).toEqual(expected);
  });

  it('take their stride from the overlap where none is stated', () => {
    expect(windowStride([64, 128, 3], { stride: null, overlap: 0.5 })).toEqual([32, 64, 1]);
    expect(windowStride([64, 128, 3], { stride: [1, 2, 3], overlap: 0.5 })).toEqual([1, 2, 3]);
  });

  it('leave no gap', () => {
    expect(windowStride([8, 16, 16], { stride: [8, 16, 16], overlap: 0 })).toEqual([8, 16, 16]);
    expect(() => windowStride([8, 16, 16], { stride: [8, 17, 16], overlap: 0 })).toThrow(
      expect.objectContaining({ code: 'DMX_WINDOW_STRIDE', why: expect.stringContaining('[8, 17, 16]') }),
    );
  });

  it('weigh their middle most', () => {
    const weights = windowWeights(16, 'gaussian');
    expect(weights[7]).toBeCloseTo(Math.exp(-0.5 * (0.5 / 2) ** 2), 12);
    expect(weights[0]).toBe(1e-3);
    expect([...weights]).toEqual([...weights].reverse());
    expect([...windowWeights(3, 'uniform')]).toEqual([1, 1, 1]);
  });

  it('sum their weights', () => {
    expect([...weightSums(5, [0, 2], Float64Array.of(1, 2, 4))]).toEqual([1, 2, 5, 2, 4]);
    expect([...weightSums(2, [-1], Float64Array.of(1, 2, 4))]).toEqual([2, 4]);
  });
});

const SHAPE: Index3 = [5, 9, 7];
const image = Float32Array.from({ length: 5 * 9 * 7 }, (_, index) => Math.sin(index));

/** Says exp(x), 1 and exp(-2x) of each intensity x, normalised or as logits. */
function pointwise(output: 'logits' | 'probabilities', calls: number[][] = []): WindowNetwork {
  return {
    output,
    async run(x, shape) {
      calls.push([...shape]);
      const data = new Float32Array(x.length * 3);
      x.forEach((value, index) => {
        const logits = [value, 0, -2 * value];
        const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
        data.set(output === 'logits' ? logits : logits.map((logit) => Math.exp(logit) / sum), index * 3);
      });
      return { data, shape: [...shape.slice(0, 4), 3] };
    },
  };
}

const options: SlidingWindowOptions = {
  patch: [4, 4, 8],
  stride: [1, 3, 8],
  overlap: 0.5,
  blending: 'gaussian',
  batch: 3,
  mirror: [],
  classCount: 3,
  padValue: 0,
};

describe('sliding window', () => {
  const expected = Float32Array.from({ length: image.length * 3 }, (_, at) => {
    const x = image[Math.floor(at / 3)]!;
    const terms = [Math.exp(x), 1, Math.exp(-2 * x)];
    return terms[at % 3]! / (terms[0]! + terms[1]! + terms[2]!);
  });

  it.each([
    ['uniform', 'logits', []],
    ['gaussian', 'probabilities', []],
    ['gaussian', 'logits', [0, 1, 2]],
    ['uniform', 'probabilities', [1]],
  ] as const)('gives a pointwise network back: %s, %s, mirrored along %o', async (blending, output, mirror) => {
    const calls: number[][] = [];
    const given = { ...options, blending, mirror: mirror as readonly Axis[] };
    const scores = new WholeScores(SHAPE, 3);
    await slidingWindow({ shape: SHAPE, image }, pointwise(output, calls), given, [scores]);
    expect([...scores.labels]).toEqual([...mostProbable(expected, 3)]);
    const worst = scores.probabilities.reduce(
      (largest, value, index) => Math.max(largest, Math.abs(value - expected[index]!)),
      0,
    );
    expect(worst).toBeLessThan(2e-6);
    // 2 × 3 × 1 windows, looked at in 2^axes ways, three to a batch.
    expect(calls).toHaveLength(Math.ceil((6 * 2 ** mirror.length) / 3));
    expect(calls.every((shape) => shape.join() === '3,4,4,8,1')).toBe(true);
  });

  it('averages windows by their weights', async () => {
    let call = 0;
    const network: WindowNetwork = {
      output: 'probabilities',
      run: async (_, shape) => ({ data: new Float32Array(3).fill(++call), shape }),
    };
    const one = { ...options, patch: [1, 1, 3] as Index3, stride: [1, 1, 2] as Index3, batch: 1, classCount: 1 };
    const volume = { shape: [1, 1, 6] as Index3, image: new Float32Array(6) };
    // Windows at 0, 2 and 3 say 1, 2 and 3.
    const uniform = new WholeScores(volume.shape, 1);
    await slidingWindow(volume, network, { ...one, blending: 'uniform' }, [uniform]);
    expect([...uniform.probabilities]).toEqual([1, 1, 1.5, 2.5, 2.5, 3]);
    call = 0;
    const scores = new WholeScores(volume.shape, 1);
    await slidingWindow(volume, network, one, [scores]);
    const gaussian = scores.probabilities;
    // Side 3: σ = 3/8, the ends weigh exp(-0.5 (8/3)²).
    const end = Math.exp(-0.5 * (8 / 3) ** 2);
    expect(gaussian[2]).toBeCloseTo((1 * end + 2 * end) / (2 * end), 6);
    expect(gaussian[3]).toBeCloseTo((2 * 1 + 3 * end) / (1 + end), 6);
  });

  it('stops between batches when asked to', async () => {
    const controller = new AbortController();
    const network = pointwise('logits');
    const run: WindowNetwork['run'] = async (x, shape) => {
      controller.abort(new Error('enough'));
      return network.run(x, shape);
    };
    const volume = { shape: SHAPE, image };
    await expect(slidingWindow(volume, { ...network, run }, options, [], controller)).rejects.toThrow('enough');
  });

  it('refuses an output that is not finite', async () => {
    const run: WindowNetwork['run'] = async (x, shape) => {
      const result = await pointwise('logits').run(x, shape);
      result.data[100] = Number.NaN;
      return result;
    };
    const found = slidingWindow({ shape: SHAPE, image }, { output: 'logits', run }, options, []);
    await expect(found).rejects.toMatchObject({ code: 'DMX_NETWORK_OUTPUT' });
  });

  it('names an output of another size', async () => {
    const run: WindowNetwork['run'] = async (_, shape) => ({ data: new Float32Array(7), shape });
    const volume = { shape: SHAPE, image };
    await expect(slidingWindow(volume, { output: 'logits', run }, options, [])).rejects.toThrow(
      '7 values for 3 windows',
    );
  });

  it('mirrors along every subset of the axes', () => {
    expect(mirrorings([2, 0])).toEqual([
      [false, false, false],
      [false, false, true],
      [true, false, false],
      [true, false, true],
    ]);
  });
});

/** Hands probabilities `[d, h, w, k]` on in boxes of so many planes and rows; boxes overlap by a row. */
function handOn(
  receiver: ScoreReceiver,
  probabilities: Float32Array,
  [depth, height, width]: Index3,
  planes: number,
  rows: number,
): void {
  const classCount = probabilities.length / (depth * height * width);
  for (let y = 0; y < height; y += rows) {
    const h = Math.min(rows + receiver.overhang, height - y);
    for (let z = 0; z < depth; z += planes) {
      const d = Math.min(planes, depth - z);
      const part = new Float32Array(d * h * width * classCount);
      for (let plane = 0; plane < d; plane++) {
        const from = ((z + plane) * height + y) * width * classCount;
        part.set(probabilities.subarray(from, from + h * width * classCount), plane * h * width * classCount);
      }
      const box = { offset: [z, y, 0] as const, shape: [d, h, width] as const };
      receiver.take({ box, labels: () => mostProbable(part, classCount), probabilities: () => part });
    }
  }
}

describe('labels', () => {
  it('are the first of the largest', () => {
    expect([...mostProbable(Float32Array.of(0.2, 0.5, 0.3, 0.4, 0.4, 0.2), 3)]).toEqual([1, 0]);
  });

  it.each([
    [4, 5],
    [1, 5],
    [3, 2],
  ])(
    'come back to a turned grid of another size where interpolated probabilities put them: %i planes, %i rows',
    (planes, rows) => {
      const affine = [
        [-1, 0, 0, 5],
        [0, 0, 2, 0],
        [0, 1, 0, 3],
        [0, 0, 0, 1],
      ] as const;
      const source = { shape: [3, 6, 5] as Index3, spacing: [2, 1, 1] as Index3, affine };
      const plan = planReorientation(source);
      const shape: Index3 = [4, 5, 6];
      const maps = [1, 2].map((factor) =>
        Float32Array.from({ length: 120 }, (_, index) => Math.sin(factor * index) ** 2),
      );
      const probabilities = Float32Array.from({ length: 240 }, (_, at) => maps[at % 2]![Math.floor(at / 2)]!);
      const place = { shape, source, box: null };
      const found = labelsOfSource(place, { orientation: 'RAS' }, 2);
      handOn(found, probabilities, shape, planes, rows);
      const restored = restoreLabels(found.labels, place, { orientation: 'RAS' });
      expect(restored.shape).toEqual(source.shape);
      expect(restored.affine).toEqual(affine);
      const grid = { shape, spacing: [1, 1, 1] as Index3, affine: plan.target.affine };
      const [first, second] = maps.map((data) => resizeTrilinear({ ...grid, data }, plan.target.shape).data);
      const expected = first!.map((value, index) => (second![index]! > value ? 1 : 0));
      expect([...reorient(restored, plan).data]).toEqual([...expected]);
      expect(new Set(restored.data).size).toBe(2);
    },
  );

  it.each([
    ['larger', [13, 22, 31] as Index3],
    ['smaller', [4, 7, 5] as Index3],
  ])('are those of interpolated probabilities of five classes that fill regions, on a %s grid', (_, target) => {
    const shape: Index3 = [6, 8, 9];
    const maps = Array.from({ length: 5 }, (_, index) => {
      const grid = createGrid(shape);
      const data = Float32Array.from({ length: 432 }, (_, at) => {
        const [z, y, x] = [Math.floor(at / 72), Math.floor(at / 9) % 8, at % 9];
        return Math.exp(-((z - index) ** 2 + (y - 2 * index) ** 2 / 4 + (x - 3 * (index % 3)) ** 2 / 9));
      });
      return { ...grid, data };
    });
    const probabilities = Float32Array.from({ length: 5 * 432 }, (_, at) => maps[at % 5]!.data[Math.floor(at / 5)]!);
    const source = createGrid(target);
    const found = labelsOfSource({ shape, source, box: null }, { orientation: 'keep' }, 5);
    handOn(found, probabilities, shape, 2, 5);
    const interpolated = maps.map((map) => resizeTrilinear(map, target).data);
    const expected = interpolated[0]!.map((_, voxel) => {
      const values = interpolated.map((map) => map[voxel]!);
      return values.indexOf(Math.max(...values));
    });
    expect([...found.labels]).toEqual([...expected]);
    expect(new Set(found.labels).size).toBe(5);
  });

  it('need no interpolation on the same grid', () => {
    const source = createGrid([1, 1, 2]);
    const place = { shape: source.shape, source, box: null };
    const found = labelsOfSource(place, { orientation: 'keep' }, 2);
    handOn(found, Float32Array.of(0.4, 0.6, 0.9, 0.1), place.shape, 1, 1);
    expect([...restoreLabels(found.labels, place, { orientation: 'keep' }).data]).toEqual([1, 0]);
  });
});
