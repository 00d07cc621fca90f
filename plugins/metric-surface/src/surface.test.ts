import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { surface } from './index.js';
import { optionsSchema } from './options.js';
import { createSurfaceMetric, percentile } from './surface.js';

/** Two noisy boxes and two pairs of specks, with MedPy's numbers: test/make_expected.py. */
const medpy = JSON.parse(readFileSync(new URL('../test/expected.json', import.meta.url), 'utf8')) as {
  shape: [number, number, number];
  spacing: [number, number, number];
  prediction: number[];
  reference: number[];
  values: Record<'mm' | 'voxel', Record<'asd' | 'assd' | 'hd95', [number, number]>>;
};

const input = {
  prediction: Uint8Array.from(medpy.prediction),
  reference: Uint8Array.from(medpy.reference),
  shape: medpy.shape,
  spacing: medpy.spacing,
  classCount: 4,
};

async function evaluate(options: object) {
  return createSurfaceMetric(optionsSchema.parse(options)).evaluate(input);
}

describe.each(['mm', 'voxel'] as const)('in %s', (unit) => {
  it.each(['asd', 'assd', 'hd95'] as const)('%s equals MedPy to 1e-6', async (measure) => {
    const values = (await evaluate({ unit }))[measure]!;
    expect(values[0]).toBeNull();
    expect(values[1]).toBeCloseTo(medpy.values[unit][measure][0], 6);
    expect(values[2]).toBeCloseTo(medpy.values[unit][measure][1], 6);
    expect(values[3]).toBeNull();
  });
});

describe('a line of three voxels against its first one, spacing 2 mm', () => {
  // Every voxel is surface. Forth: 0, 2, 4 mm; back: 0 mm.
  const line = {
    prediction: Uint8Array.of(1, 1, 1),
    reference: Uint8Array.of(1, 0, 0),
    shape: [1, 1, 3],
    spacing: [1, 1, 2],
    classCount: 2,
  } as const;
  const value = async (measure: string, options = {}) => {
    const metric = createSurfaceMetric(optionsSchema.parse({ measures: [measure], ...options }));
    return (await metric.evaluate(line))[measure]![1];
  };

  it('gives the four measures by hand', async () => {
    expect(await value('asd')).toBe(2);
    expect(await value('assd')).toBe(1.5);
    // numpy.percentile([0, 0, 2, 4], 95) = 2 + 0.85 * 2; of [0, 2, 4] = 2 + 0.9 * 2.
    expect(await value('hd95')).toBeCloseTo(3.7, 12);
    expect(await value('hd95', { hausdorff: 'monai' })).toBeCloseTo(3.8, 12);
    expect(await value('nsd', { tolerance: 2 })).toBe(3 / 4);
  });

  it('follows the empty rule of the published scripts where asked', async () => {
    const metric = createSurfaceMetric(optionsSchema.parse({ measures: ['asd', 'nsd'], empty: 'p1' }));
    const values = await metric.evaluate({ ...line, reference: Uint8Array.of(2, 2, 2), classCount: 4 });
    // Class 1 only predicted, class 2 only present, class 3 on neither side.
    expect(values).toEqual({ asd: [null, 128, 128, 0], nsd: [null, 0, 0, 1] });
  });
});

it('takes percentiles as numpy does', () => {
  expect(percentile([3], 95)).toBe(3);
  expect(percentile([4, 1, 3, 2], 50)).toBe(2.5);
  expect(surface().provides).toEqual(['metric:surface']);
});
