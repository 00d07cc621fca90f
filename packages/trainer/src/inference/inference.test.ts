import type { Axis, Index3 } from '@dinomix/core';
import { planReorientation, reorient, resizeTrilinear } from '@dinomix/volume';
import { describe, expect, it } from 'vitest';
import { mostProbable, restoreLabels } from './labels.js';
import { mirrorings } from './looks.js';
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
    const scores = await slidingWindow({ shape: SHAPE, image }, pointwise(output, calls), given);
    const labels = scores.labels();
    const found = scores.probabilities();
    expect([...labels]).toEqual([...mostProbable(expected, 3)]);
    const worst = found.reduce((largest, value, index) => Math.max(largest, Math.abs(value - expected[index]!)), 0);
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
    const uniform = await slidingWindow(volume, network, { ...one, blending: 'uniform' });
    expect([...uniform.probabilities()]).toEqual([1, 1, 1.5, 2.5, 2.5, 3]);
    call = 0;
    const gaussian = (await slidingWindow(volume, network, one)).probabilities();
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
    await expect(slidingWindow(volume, { ...network, run }, options, controller)).rejects.toThrow('enough');
  });

  it('refuses an output that is not finite', async () => {
    const run: WindowNetwork['run'] = async (x, shape) => {
      const result = await pointwise('logits').run(x, shape);
      result.data[100] = Number.NaN;
      return result;
    };
    const found = slidingWindow({ shape: SHAPE, image }, { output: 'logits', run }, options);
    await expect(found).rejects.toMatchObject({ code: 'DMX_NETWORK_OUTPUT' });
  });

  it('names an output of another size', async () => {
    const run: WindowNetwork['run'] = async (_, shape) => ({ data: new Float32Array(7), shape });
    const volume = { shape: SHAPE, image };
    await expect(slidingWindow(volume, { output: 'logits', run }, options)).rejects.toThrow('7 values for 3 windows');
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

describe('labels', () => {
  const scoresOf = (probabilities: Float32Array) => {
    return { labels: () => mostProbable(probabilities, 2), probabilities: () => probabilities };
  };

  it('are the first of the largest', () => {
    expect([...mostProbable(Float32Array.of(0.2, 0.5, 0.3, 0.4, 0.4, 0.2), 3)]).toEqual([1, 0]);
  });

  it('come back to a turned grid of another size where interpolated probabilities put them', () => {
    const affine = [
      [-1, 0, 0, 5],
      [0, 0, 2, 0],
      [0, 1, 0, 3],
      [0, 0, 0, 1],
    ] as const;
    const source = { shape: [3, 6, 5] as Index3, spacing: [2, 1, 1] as Index3, affine };
    const plan = planReorientation(source);
    const shape: Index3 = [4, 5, 6];
    const planes = [1, 2].map((factor) =>
      Float32Array.from({ length: 120 }, (_, index) => Math.sin(factor * index) ** 2),
    );
    const probabilities = Float32Array.from({ length: 240 }, (_, at) => planes[at % 2]![Math.floor(at / 2)]!);
    const restored = restoreLabels(scoresOf(probabilities), shape, source, { orientation: 'RAS' });
    expect(restored.shape).toEqual(source.shape);
    expect(restored.affine).toEqual(affine);
    const grid = { shape, spacing: [1, 1, 1] as Index3, affine: plan.target.affine };
    const [first, second] = planes.map((data) => resizeTrilinear({ ...grid, data }, plan.target.shape).data);
    const expected = first!.map((value, index) => (second![index]! > value ? 1 : 0));
    expect([...reorient(restored, plan).data]).toEqual([...expected]);
    expect(new Set(restored.data).size).toBe(2);
  });

  it('need no interpolation on the same grid', () => {
    const source = {
      shape: [1, 1, 2] as Index3,
      spacing: [1, 1, 1] as Index3,
      affine: planReorientation({
        shape: [1, 1, 2],
        spacing: [1, 1, 1],
        affine: [
          [1, 0, 0, 0],
          [0, 1, 0, 0],
          [0, 0, 1, 0],
          [0, 0, 0, 1],
        ],
      }).source.affine,
    };
    const scores = scoresOf(Float32Array.of(0.4, 0.6, 0.9, 0.1));
    const restored = restoreLabels(scores, [1, 1, 2], source, { orientation: 'keep' });
    expect([...restored.data]).toEqual([1, 0]);
  });
});
