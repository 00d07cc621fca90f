import { type CaseData, isDmxError, type PatchSampling, type Preprocessing } from '@dinomix/core';
import { createRng, createVolume, type Rng } from '@dinomix/volume';
import { describe, expect, it } from 'vitest';
import { type TinyOptions, tinyDataset } from '../../test/tiny-dataset.js';
import { createDonorBank } from '../crops/donor-bank.js';
import { createLabelIndex } from '../crops/label-index.js';
import {
  automaticSteps,
  centredCorner,
  containingCorner,
  createCaseOrder,
  drawCrop,
  uniformCorner,
} from '../crops/sampling.js';
import { createCaseStore } from '../loader/case-store.js';
import { createCaseWorkers } from '../loader/case-workers.js';
import { countDataset } from './facts.js';
import { normalise } from './normalise.js';
import { prepareCase } from './prepare-case.js';

function rng(item = 0): Rng {
  return createRng({ seed: 1, stream: 'test', item });
}

describe('normalise', () => {
  const given = () => Float32Array.of(-200, 0, 100, 300, 50);

  it('clip and min-max use the clipped extremes', () => {
    const data = given();
    normalise(data, [{ kind: 'clip', low: -75, high: 275 }, { kind: 'min-max' }]);
    expect([...data]).toEqual([0, 75 / 350, 0.5, 1, 125 / 350].map(Math.fround));
  });

  it('z-score divides by the population deviation', () => {
    const data = given();
    normalise(data, [{ kind: 'z-score' }]);
    // mean 50, deviations -250, -50, 50, 250, 0: variance 26000
    expect(data[3]).toBeCloseTo(250 / Math.sqrt(26000), 6);
  });

  it('percentiles are linear between neighbours', () => {
    const data = given();
    normalise(data, [{ kind: 'clip-percentiles', low: 10, high: 90 }]);
    // sorted -200, 0, 50, 100, 300: positions 0.4 and 3.6
    expect([...data]).toEqual([-120, 0, 100, 220, 50]);
  });

  it('affine shifts and divides', () => {
    const data = given();
    normalise(data, [{ kind: 'affine', subtract: -125, divide: 400 }]);
    expect(data[1]).toBeCloseTo(0.3125, 7);
  });

  it.each(['min-max', 'z-score'] as const)('%s turns a constant volume to 0', (kind) => {
    const data = Float32Array.of(3, 3, 3);
    normalise(data, [{ kind }]);
    expect([...data]).toEqual([0, 0, 0]);
  });
});

const keep: Preprocessing = {
  orientation: 'keep',
  grid: { kind: 'keep' },
  normalisation: { steps: [], display: [0, 1] },
};

function caseOf(data: number[], label: number[] | null, spacing: [number, number, number] = [1, 1, 1]): CaseData {
  const shape = [1, 2, data.length / 2] as const;
  const volume = <A extends Float32Array | Uint8Array>(values: A) => createVolume({ data: values, shape, spacing });
  return {
    id: 'a',
    role: 'labelled',
    files: { image: 'a.nii', label: 'b.nii' },
    image: volume(Float32Array.from(data)),
    label: label && volume(Uint8Array.from(label)),
  };
}

describe('prepareCase', () => {
  it('turns to RAS, image and label alike, and remembers the grid of the file', () => {
    const { image, label, ...rest } = caseOf([1, 2, 3, 4, 5, 6], [0, 1, 2, 0, 0, 1]);
    const affine = [
      [-2, 0, 0, 10],
      [0, 3, 0, 0],
      [0, 0, 1, 0],
      [0, 0, 0, 1],
    ] as const;
    const shape = [1, 2, 3] as const;
    const turned = prepareCase(
      {
        ...rest,
        image: createVolume({ data: image.data, shape, affine }),
        label: createVolume({ data: label!.data, shape, affine }),
      },
      { ...keep, orientation: 'RAS' },
      3,
    );
    expect([...turned.image]).toEqual([3, 2, 1, 6, 5, 4]);
    expect([...turned.label!]).toEqual([2, 1, 0, 1, 0, 0]);
    expect(turned.source.affine).toEqual(affine);
    expect(turned.affine[0]).toEqual([2, 0, 0, 6]);
  });

  it('resamples to a spacing', () => {
    const given = caseOf([1, 3, 5, 7, 1, 3, 5, 7], [0, 1, 2, 2, 0, 1, 2, 2], [1, 1, 1]);
    const grid = { kind: 'spacing', spacing: [1, 1, 2] } as const;
    const prepared = prepareCase(given, { ...keep, grid }, 3);
    expect(prepared.shape).toEqual([1, 2, 2]);
    expect(prepared.spacing).toEqual([1, 1, 2]);
    expect([...prepared.image]).toEqual([2, 6, 2, 6]);
    expect([...prepared.label!]).toEqual([1, 2, 1, 2]);
    const shifted = prepareCase(given, { ...keep, grid, labelRule: 'nearest' }, 3);
    expect([...shifted.label!]).toEqual([0, 2, 0, 2]);
  });

  it('names the voxel of an intensity that is not finite, in the order i, j, k', () => {
    expect(() => prepareCase(caseOf([1, 2, 3, 4, Number.NaN, 6], null), keep, 3)).toThrow(
      'NaN at voxel (i, j, k) = (1, 1, 0)',
    );
  });

  it('refuses labels of another shape or class', () => {
    const given = caseOf([1, 2, 3, 4], [0, 0, 0, 3]);
    expect(() => prepareCase(given, keep, 3)).toThrow('the label 3 is no class: 3 classes are 0 to 2');
    const label = createVolume({ data: new Uint8Array(2), shape: [1, 1, 2] });
    expect(() => prepareCase({ ...given, label }, keep, 3)).toThrow(
      'the label has the shape [1,1,2] and the image [1,2,2]',
    );
  });
});

describe('corners', () => {
  const shape = [80, 160, 30] as const;
  const patch = [64, 128, 40] as const;

  it.each([
    ['exclusive', 15, 31],
    ['inclusive', 16, 32],
  ] as const)('%s offsets reach %i and %i', (upper, depth, height) => {
    const drawn = Array.from({ length: 2000 }, (_, item) =>
      uniformCorner(shape, patch, { upperOffset: upper }, rng(item)),
    );
    expect(Math.max(...drawn.map(([z]) => z))).toBe(depth);
    expect(Math.max(...drawn.map(([, y]) => y))).toBe(height);
    expect(Math.min(...drawn.map(([z]) => z))).toBe(0);
    expect(new Set(drawn.map(([, , x]) => x))).toEqual(new Set([-5]));
  });

  it('an axis as long as the patch has one place', () => {
    for (const upperOffset of ['exclusive', 'inclusive'] as const) {
      expect(uniformCorner([64, 128, 40], patch, { upperOffset }, rng())).toEqual([0, 0, 0]);
    }
  });

  it('a margin pads sides up to the patch before it draws', () => {
    // Patch 40: 40 + 2 * 3 leaves offsets 0 to 5; 35 + 2 * (2 + 3) = 45 leaves 0 to 4; 41 is longer, its one offset is 0.
    const sides: [number, number, number] = [40, 35, 41];
    const rule = { upperOffset: 'exclusive', margin: 3 } as const;
    const drawn = Array.from({ length: 500 }, (_, item) => uniformCorner(sides, [40, 40, 40], rule, rng(item)));
    const along = (axis: number) => [...new Set(drawn.map((corner) => corner[axis]!))].sort((a, b) => a - b);
    expect([0, 1, 2].map(along)).toEqual([[-3, -2, -1, 0, 1, 2], [-5, -4, -3, -2, -1], [0]]);
  });

  it('centred crops stay inside the volume', () => {
    expect(centredCorner(shape, patch, [40, 80, 3])).toEqual([8, 16, -5]);
    expect(centredCorner(shape, patch, [0, 159, 3])).toEqual([0, 32, -5]);
  });

  it('containing crops hold the voxel, each equally often', () => {
    const counts = new Map<number, number>();
    for (let item = 0; item < 3000; item++) {
      const [z] = containingCorner([10, 10, 10], [4, 10, 10], [2, 5, 5], rng(item));
      counts.set(z, (counts.get(z) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual([0, 1, 2]);
    // 1000 each, standard deviation 25.8.
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(130);
  });
});

const label = new Uint8Array(4 * 5 * 6);
for (const [z, y, x, value] of [
  [0, 0, 0, 1],
  [1, 4, 5, 1],
  [3, 2, 3, 2],
  [3, 4, 4, 1],
] as const) {
  label[(z * 5 + y) * 6 + x] = value;
}
const index = createLabelIndex(label, [4, 5, 6], 4);

describe('label index', () => {
  it('counts and finds voxels in memory order', () => {
    expect(index.counts).toEqual([116, 3, 1, 0]);
    expect([0, 1, 2].map((number) => index.voxel(1, number))).toEqual([
      [0, 0, 0],
      [1, 4, 5],
      [3, 4, 4],
    ]);
    expect(index.voxel(0, 115)).toEqual([3, 4, 5]);
    expect(() => index.voxel(2, 1)).toThrow('class 2 has 1 voxels');
    expect(() => index.voxel(3, 0)).toThrow('class 3 has 0 voxels');
  });

  it('finds every voxel that a search through the volume finds, and keeps far less', () => {
    const random = rng();
    // Stretches of 1 to 60 equal labels.
    const labels: number[] = [];
    while (labels.length < 9000) {
      const value = random.integer(0, 5);
      for (let left = random.integer(1, 61); left > 0; left--) labels.push(value);
    }
    const volume = Uint8Array.from(labels.slice(0, 9000));
    const found = createLabelIndex(volume, [10, 30, 30], 5);
    const numbers = [0, 0, 0, 0, 0];
    volume.forEach((value, place) => {
      const voxel = [Math.floor(place / 900), Math.floor(place / 30) % 30, place % 30];
      expect(found.voxel(value, numbers[value]!++)).toEqual(voxel);
    });
    expect(found.counts).toEqual(numbers);
    expect(found.bytes).toBeLessThan(volume.length / 3);
  });
});

describe('crops', () => {
  const sampling: PatchSampling = { foreground: 0.5, upperOffset: 'inclusive', flips: [2], padValue: 0 };
  const key = { seed: 1, stream: 'sampler/labelled', epoch: 2 };
  const placed = { caseId: 'a', shape: [4, 5, 6] as const };
  const draw = (given: PatchSampling, item: number) => drawCrop(placed, [2, 2, 2], given, index, { ...key, item });

  it('keep their flips when foreground sampling is switched off, and their offsets where it did not act', () => {
    const drawn = Array.from({ length: 200 }, (_, item) => [
      draw(sampling, item),
      draw({ ...sampling, foreground: 0 }, item),
    ]);
    expect(drawn.every(([a, b]) => `${a!.flips}` === `${b!.flips}`)).toBe(true);
    const same = drawn.filter(([a, b]) => `${a!.offset}` === `${b!.offset}`).length;
    expect(same).toBeGreaterThanOrEqual(70);
    expect(same).toBeLessThan(140);
    expect(drawn.some(([a]) => a!.flips[2])).toBe(true);
    expect(drawn.some(([a]) => a!.flips[0] || a!.flips[1])).toBe(false);
  });

  it('draw foreground classes equally often, however rare', () => {
    let rare = 0;
    for (let item = 0; item < 1000; item++) {
      const { offset } = draw({ ...sampling, foreground: 1 }, item);
      const [z, y, x] = centredCorner([4, 5, 6], [2, 2, 2], [3, 2, 3]);
      if (offset[0] === z && offset[1] === y && offset[2] === x) rare++;
    }
    // One voxel of class 2 against three of class 1: half of the crops, standard deviation 15.8.
    expect(Math.abs(rare - 500)).toBeLessThan(80);
  });
});

describe('the order of cases', () => {
  const cases = ['a', 'b', 'c', 'd', 'e'];

  it('is the permutation of the pass, whatever was asked before', () => {
    const caseOf = createCaseOrder(cases, 3, 'sampler/labelled');
    const asked = [
      [0, 2],
      [4, 11],
      [1, 4],
      [0, 7],
      [9, 0],
      [2, 3],
      [0, 2],
    ] as const;
    for (const [epoch, item] of asked) {
      const step = Math.floor(item / 5);
      const order = createRng({ seed: 3, stream: 'sampler/labelled/order', epoch, step }).permutation(5);
      expect(caseOf(epoch, item)).toBe(cases[order[item % 5]!]);
    }
  });
});

describe('steps of an epoch', () => {
  it.each([
    // Published lengths: Synapse 20 %, AMOS 5 %, AMOS 2 %, AMOS 10 % (method.md §2.4).
    [4, 16, 8],
    [10, 206, 103],
    [4, 212, 106],
    [21, 195, 97],
  ])('%i labelled and %i unlabelled cases give %i', (labelled, unlabelled, steps) => {
    expect(automaticSteps({ labelled, unlabelled }, { labelled: 2, unlabelled: 2 })).toBe(steps);
  });

  it('count labelled cases where the batch has no unlabelled part, and are never 0', () => {
    expect(automaticSteps({ labelled: 9, unlabelled: 100 }, { labelled: 2, unlabelled: 0 })).toBe(4);
    expect(automaticSteps({ labelled: 1, unlabelled: 1 }, { labelled: 2, unlabelled: 2 })).toBe(1);
  });
});

describe('donor bank', () => {
  const empty = createLabelIndex(new Uint8Array(4 * 5 * 6), [4, 5, 6], 4);
  const bank = createDonorBank(
    new Map([
      ['a', index],
      ['b', empty],
    ]),
    [2, 3, 2],
    [0, 1, 2],
  );

  it('knows the classes that are there', () => {
    expect(bank.classes).toEqual([1, 2]);
    expect(bank.draw(3, 'centred', rng())).toBeNull();
  });

  it.each(['centred', 'uniform'] as const)('%s crops hold their voxel where they say', (placement) => {
    for (let item = 0; item < 200; item++) {
      const { crop, voxel } = bank.draw(1 + (item % 2), placement, rng(item))!;
      expect(crop.caseId).toBe('a');
      const place = voxel.map((position, axis) => {
        const side = [2, 3, 2][axis]!;
        return crop.offset[axis]! + (crop.flips[axis] ? side - 1 - position : position);
      });
      expect(label[(place[0]! * 5 + place[1]!) * 6 + place[2]!]).toBe(1 + (item % 2));
      expect(voxel.every((position, axis) => position >= 0 && position < [2, 3, 2][axis]!)).toBe(true);
    }
  });
});

describe('facts', () => {
  const train = { batch: { labelled: 2, unlabelled: 2 }, validateEvery: 1, workers: 0 };

  async function count(options: TinyOptions, classes = 3) {
    const dataset = tinyDataset(options);
    const { preprocessing, workerSource } = dataset;
    const workers = createCaseWorkers({ reader: dataset, workerSource, preprocessing, classCount: classes }, 0);
    const hook = { isUsed: () => false, call: async () => Promise.reject(new Error('unused')) };
    const run = { id: 'r', seed: 1, directory: '/', configHash: '' };
    const store = createCaseStore({ workers, hook, run, limit: 1e9 });
    const extra = { index: 3, name: 'gallbladder', colour: [0, 0, 0] as const, tail: true };
    const given = classes === 4 ? { ...dataset, classes: [...dataset.classes, extra] } : dataset;
    return countDataset(given, store, train as Parameters<typeof countDataset>[2], new AbortController().signal);
  }

  it('count the voxels of labelled cases', async () => {
    const { facts, labels } = await count({});
    // Boxes of 4³ and 2³ voxels a case; the smaller one hides at most 8 of the larger.
    expect(facts.labelledVoxels[2]).toBe(3 * 8);
    expect(facts.labelledVoxels[1]).toBeGreaterThanOrEqual(3 * 56);
    expect(facts.labelledVoxels.reduce((a, b) => a + b)).toBe(3 * 10 * 12 * 12);
    expect([...labels.keys()]).toEqual(['l0', 'l1', 'l2']);
  });

  it.each([
    [{ labelled: [] }, 'DMX_SPLIT_EMPTY', 'labelled'],
    [{ unlabelled: [] }, 'DMX_SPLIT_EMPTY', 'train.batch.unlabelled is 2'],
    [{ validation: [] }, 'DMX_SPLIT_EMPTY', 'train.validateEvery is 1'],
    [{ test: ['u0'] }, 'DMX_SPLIT_OVERLAP', '"u0"'],
  ])('refuse the splits %o with %s', async (splits, code, message) => {
    const failure: unknown = await count({ splits }).catch((thrown: unknown) => thrown);
    expect(isDmxError(failure) && failure.code).toBe(code);
    expect((failure as Error).message).toContain(message);
  });

  it('name classes that no labelled case has', async () => {
    await expect(count({}, 4)).rejects.toThrow('No labelled case contains "gallbladder"');
  });
});
