import { createHash } from 'node:crypto';
import { applyAffine, connectedComponents, orientationOf, type Point, type Triple, voxelAt } from '@dinomix/volume';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Organ } from './anatomy/part.js';
import { type Benchmark, FIELD_OF_VIEW, ORGANS, SMALLEST_SHAPE } from './classes.js';
import { generatePhantom, type Phantom } from './phantom.js';

const SMALL: Triple = [40, 80, 80];

function generate(benchmark: Benchmark, seed: number, item: number, shape: Triple, noise = 12): Phantom {
  return generatePhantom({ seed, item, shape, noise, organs: ORGANS[benchmark], field: FIELD_OF_VIEW[benchmark] });
}

function hashOf({ image, label }: Phantom): string {
  return createHash('sha256').update(new Uint8Array(image.data.buffer)).update(label.data).digest('hex');
}

/** What a test asks of one organ. */
interface Measured {
  readonly voxels: number;
  readonly millilitres: number;
  /** RAS mm. */
  readonly centre: Point;
  readonly meanHu: number;
}

function measure({ image, label }: Phantom, organs: readonly Organ[]): Map<Organ, Measured> {
  const voxel = image.spacing[0] * image.spacing[1] * image.spacing[2];
  const sums = organs.map(() => [0, 0, 0, 0, 0]);
  for (let index = 0; index < label.data.length; index++) {
    const value = label.data[index]!;
    if (value === 0) continue;
    const [z, y, x] = voxelAt(index, label.shape);
    const sum = sums[value - 1]!;
    for (const [place, term] of [1, x, y, z, image.data[index]!].entries()) sum[place] = sum[place]! + term;
  }
  return new Map(
    organs.map((organ, place) => {
      const [voxels, x, y, z, hu] = sums[place] as [number, number, number, number, number];
      const centre = applyAffine(image.affine, [x / voxels, y / voxels, z / voxels]);
      return [organ, { voxels, millilitres: (voxels * voxel) / 1000, centre, meanHu: hu / voxels }];
    }),
  );
}

describe('bytes', () => {
  // Stored for GENERATOR_VERSION 1. A change here is a new version.
  test('are those of this version', () => {
    expect(hashOf(generate('synapse', 0, 0, SMALL))).toBe(
      'd285261cde6bc469fcfd6f3d1c5bb85da9eb4cb1942a548887b3bcb6179741ac',
    );
    expect(hashOf(generate('amos', 7, 3, [48, 64, 64]))).toBe(
      'e28134ac7935250463a7c334dd3fbda06dfe65550381705f99b11d01796dc13c',
    );
  });

  test('do not depend on what was generated before', () => {
    const shape = SMALLEST_SHAPE.synapse;
    const forwards = [0, 1, 2].map((item) => hashOf(generate('synapse', 5, item, shape)));
    const backwards = [2, 1, 0].map((item) => hashOf(generate('synapse', 5, item, shape))).reverse();
    expect(backwards).toEqual(forwards);
    expect(new Set(forwards).size).toBe(3);
    expect(hashOf(generate('synapse', 6, 0, shape))).not.toBe(forwards[0]);
  });
});

const cases: { readonly phantom: Phantom; readonly organs: Map<Organ, Measured> }[] = [];
const amosCases: typeof cases = [];

beforeAll(() => {
  for (let item = 0; item < 6; item++) {
    const phantom = generate('synapse', item % 3, item, SMALL);
    cases.push({ phantom, organs: measure(phantom, ORGANS.synapse) });
  }
  for (let item = 0; item < 3; item++) {
    const phantom = generate('amos', item, item, [48, 80, 80]);
    amosCases.push({ phantom, organs: measure(phantom, ORGANS.amos) });
  }
}, 60_000);

test('liver to adrenal is at least 300 : 1 in every case, and every organ is there', () => {
  for (const { organs } of [...cases, ...amosCases]) {
    for (const [organ, { voxels }] of organs) expect(voxels, organ).toBeGreaterThan(0);
    const liver = organs.get('liver')!.voxels;
    expect(liver / organs.get('right adrenal gland')!.voxels).toBeGreaterThanOrEqual(300);
    expect(liver / organs.get('left adrenal gland')!.voxels).toBeGreaterThanOrEqual(300);
  }
});

test('every organ is there at the smallest sizes', () => {
  for (let item = 0; item < 5; item++) {
    const benchmark = item % 2 === 0 ? 'synapse' : 'amos';
    const phantom = generate(benchmark, 1, item, SMALLEST_SHAPE[benchmark]);
    for (const [organ, { voxels }] of measure(phantom, ORGANS[benchmark])) expect(voxels, organ).toBeGreaterThan(0);
  }
});

// Volumes of adults in mL, wide enough for all healthy sizes: liver 1000-2100, spleen 80-350, kidney 90-260 each,
// pancreas 40-150, gallbladder 8-60, adrenal 1.5-6.5 each, filled stomach 150-800.
const VOLUMES: Partial<Record<Organ, readonly [number, number]>> = {
  liver: [1000, 2100],
  spleen: [80, 350],
  'right kidney': [90, 260],
  'left kidney': [90, 260],
  pancreas: [40, 150],
  gallbladder: [8, 60],
  stomach: [150, 800],
  'right adrenal gland': [1.5, 6.5],
  'left adrenal gland': [1.5, 6.5],
};

test('organs have the volumes of adults', () => {
  for (const { organs } of [...cases, ...amosCases]) {
    for (const [organ, [low, high]] of Object.entries(VOLUMES)) {
      const { millilitres } = organs.get(organ as Organ)!;
      expect(millilitres, organ).toBeGreaterThan(low);
      expect(millilitres, organ).toBeLessThan(high);
    }
  }
});

test('organs lie where they lie in people', () => {
  for (const { organs } of [...cases, ...amosCases]) {
    const at = (organ: Organ) => organs.get(organ)!.centre;
    // First coordinate: right of the aorta is positive in RAS.
    const right: Organ[] = ['liver', 'gallbladder', 'right kidney', 'right adrenal gland', 'inferior vena cava'];
    for (const organ of right) expect(at(organ)[0], organ).toBeGreaterThan(at('aorta')[0]);
    for (const organ of ['spleen', 'stomach', 'left kidney', 'left adrenal gland'] as const) {
      expect(at(organ)[0], organ).toBeLessThan(at('aorta')[0]);
    }
    expect(at('spleen')[0]).toBeLessThan(at('stomach')[0]);
    // Third coordinate: up.
    expect(at('right adrenal gland')[2]).toBeGreaterThan(at('right kidney')[2] + 30);
    expect(at('left adrenal gland')[2]).toBeGreaterThan(at('left kidney')[2] + 20);
    expect(at('esophagus')[2]).toBeGreaterThan(at('stomach')[2]);
    expect(at('gallbladder')[2]).toBeLessThan(at('liver')[2]);
    // Second coordinate: to the front.
    expect(at('stomach')[1]).toBeGreaterThan(at('pancreas')[1]);
    expect(at('pancreas')[1]).toBeGreaterThan(at('aorta')[1]);
    expect(at('aorta')[1]).toBeGreaterThan(at('left kidney')[1]);
  }
  for (const { organs } of amosCases) {
    const at = (organ: Organ) => organs.get(organ)!.centre;
    expect(at('bladder')[2]).toBeLessThan(at('duodenum')[2] - 150);
    expect(at('bladder')[1]).toBeGreaterThan(at('prostate or uterus')[1]);
  }
});

test('organs have the intensities of a portal-venous scan', () => {
  const ranges: Partial<Record<Organ, readonly [number, number]>> = {
    liver: [70, 140],
    spleen: [85, 150],
    'right kidney': [115, 215],
    aorta: [100, 200],
    pancreas: [30, 125],
    gallbladder: [-30, 60],
  };
  for (const { organs } of cases) {
    for (const [organ, [low, high]] of Object.entries(ranges)) {
      const { meanHu } = organs.get(organ as Organ)!;
      expect(meanHu, organ).toBeGreaterThan(low);
      expect(meanHu, organ).toBeLessThan(high);
    }
  }
});

test('large organs are in one piece', () => {
  const { phantom } = cases[0]!;
  for (const organ of ['liver', 'spleen', 'right kidney', 'left kidney', 'stomach', 'aorta'] as const) {
    const value = ORGANS.synapse.indexOf(organ) + 1;
    const mask = phantom.label.data.map((label) => (label === value ? 1 : 0));
    const { sizes } = connectedComponents(mask, SMALL);
    const [, ...components] = sizes;
    const total = components.reduce((sum, size) => sum + size, 0);
    expect(Math.max(...components) / total, organ).toBeGreaterThan(0.97);
  }
});

test('intensity alone does not find the organs: more background than organ is as bright as them', () => {
  for (const { phantom } of cases) {
    const { image, label } = phantom;
    let organ = 0;
    let clutter = 0;
    for (let index = 0; index < image.data.length; index++) {
      const hu = image.data[index]!;
      if (hu < 40 || hu > 200) continue;
      if (label.data[index] === 0) clutter++;
      else organ++;
    }
    expect(clutter).toBeGreaterThan(organ);
  }
});

test('lungs, fat, soft tissue and bone are all there', () => {
  const { image } = cases[0]!.phantom;
  const share = (low: number, high: number) =>
    image.data.filter((hu) => hu >= low && hu < high).length / image.data.length;
  expect(share(-900, -750)).toBeGreaterThan(0.01);
  expect(share(-130, -70)).toBeGreaterThan(0.05);
  expect(share(20, 200)).toBeGreaterThan(0.1);
  expect(share(350, 3000)).toBeGreaterThan(0.002);
});

test('patients differ', () => {
  const livers = cases.map(({ organs }) => organs.get('liver')!.millilitres);
  expect(Math.max(...livers) / Math.min(...livers)).toBeGreaterThan(1.05);
});

test('the orientation turns voxels and affine together', () => {
  const request = { seed: 2, item: 0, shape: [32, 64, 72] as const, organs: ORGANS.synapse, field: 'abdomen' as const };
  const lps = generatePhantom(request);
  const ras = generatePhantom({ ...request, orientation: 'RAS' });
  expect(orientationOf(lps.image.affine)).toBe('LPS');
  expect(orientationOf(ras.image.affine)).toBe('RAS');
  expect(ras.image.shape).toEqual([32, 64, 72]);
  const organs = [lps, ras].map((phantom) => measure(phantom, ORGANS.synapse).get('gallbladder')!);
  for (const axis of [0, 1, 2] as const) expect(organs[0]!.centre[axis]).toBeCloseTo(organs[1]!.centre[axis], 6);
});
