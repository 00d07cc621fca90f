import type { Crop, Index3, MixItem, MixPlan, Paste } from '@dinomix/core';
import { describe, expect, it } from 'vitest';
import { applyPlan } from './apply.js';
import { baseCrops, checkPlan, identityPlan } from './plan.js';
import { planTokenMix } from './tokens.js';

const PATCH: Index3 = [2, 3, 4];
const SIZE = 24;

function paste(source: Paste['source'], from: Index3, to: Index3, size: Index3): Paste {
  return { source, from, to, size, classDrawn: null };
}

describe('applyPlan', () => {
  const ramp = (start: number, items: number) =>
    Float32Array.from({ length: items * SIZE }, (_, index) => start + index);
  const sources = {
    labelled: { image: ramp(0, 2), label: Uint8Array.from({ length: 2 * SIZE }, (_, index) => index % 5) },
    unlabelled: { image: ramp(1000, 2), label: null },
    donor: { image: ramp(2000, 1), label: Uint8Array.from({ length: SIZE }, (_, index) => (index % 3) + 1) },
  };
  const items: MixItem[] = [
    {
      base: { set: 'unlabelled', item: 1 },
      pastes: [
        paste({ set: 'labelled', item: 1 }, [0, 1, 0], [1, 0, 2], [1, 2, 2]),
        paste({ set: 'donor', item: 0 }, [1, 0, 0], [1, 1, 3], [1, 1, 1]),
        paste({ set: 'unlabelled', item: 0 }, [0, 0, 0], [0, 0, 0], [2, 1, 1]),
      ],
    },
    { base: { set: 'labelled', item: 0 }, pastes: [] },
  ];

  it('equals copying voxel by voxel', () => {
    const { image, label, truth, pick } = applyPlan(items, sources, PATCH);
    const expected = { image: [] as number[], label: [] as number[], truth: [] as number[], pick: [] as number[] };
    for (const { base, pastes } of items) {
      for (let z = 0; z < 2; z++)
        for (let y = 0; y < 3; y++)
          for (let x = 0; x < 4; x++) {
            let [source, at] = [base, (z * 3 + y) * 4 + x];
            for (const given of pastes) {
              const inside = [z, y, x].map((position, axis) => position - given.to[axis]!);
              if (inside.some((step, axis) => step < 0 || step >= given.size[axis]!)) continue;
              const [fz, fy, fx] = inside.map((step, axis) => step + given.from[axis]!) as [number, number, number];
              [source, at] = [given.source, (fz * 3 + fy) * 4 + fx];
            }
            const index = source.item * SIZE + at;
            const { image: from, label: classes } = sources[source.set];
            expected.image.push(from[index]!);
            expected.label.push(classes === null ? 0 : classes[index]!);
            expected.truth.push(classes === null ? 0 : 1);
            expected.pick.push(classes === null ? index : 0);
          }
    }
    expect([...image]).toEqual(expected.image);
    expect([...label]).toEqual(expected.label);
    expect([...truth]).toEqual(expected.truth);
    expect([...pick]).toEqual(expected.pick);
    expect(expected.truth.filter((value) => value === 1).length).toBeGreaterThan(SIZE);
  });
});

describe('planTokenMix', () => {
  const first = { labelled: 0, unlabelled: 100, donor: 200 };
  const grid: Index3 = [1, 2, 2];
  const patch: Index3 = [2, 4, 8];

  it('gives a box the share of the cells that it covers', () => {
    // Cells of 2 × 2 × 4 voxels. The box covers y 1..2 and x 0..5: of cells (0, 0), (0, 1), (1, 0), (1, 1)
    // 1/2 · 1, 1/2 · 1/2, 1/2 · 1 and 1/2 · 1/2.
    const box = paste({ set: 'donor', item: 0 }, [0, 1, 0], [0, 1, 0], [2, 2, 6]);
    const mix = planTokenMix([{ base: { set: 'labelled', item: 1 }, pastes: [box] }], grid, patch, first, 2);
    expect([...mix.weight]).toEqual([0.5, 0.5, 0.75, 0.25, 0.5, 0.5, 0.75, 0.25]);
    expect([...mix.index]).toEqual([4, 200, 5, 201, 6, 202, 7, 203]);
  });

  it('takes moved boxes from where they came, and later boxes over earlier ones', () => {
    const lower = paste({ set: 'unlabelled', item: 2 }, [0, 0, 4], [0, 0, 0], [2, 2, 4]);
    const upper = paste({ set: 'labelled', item: 0 }, [0, 2, 0], [0, 0, 0], [1, 2, 4]);
    const items: MixItem[] = [{ base: { set: 'labelled', item: 0 }, pastes: [lower, upper] }];
    const mix = planTokenMix(items, grid, patch, first, 4);
    // Cell (0, 0): all of the base goes to cell (0, 1) of crop 2, half of that to cell (1, 0) of crop 0.
    expect([...mix.weight.subarray(0, 4)]).toEqual([0, 0.5, 0.5, 0]);
    expect([...mix.index.subarray(0, 4)]).toEqual([0, 100 + 2 * 4 + 1, 2, 0]);
    expect([...mix.weight.subarray(4)]).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]);
  });
});

describe('plans', () => {
  const bounds = { labelled: 2, unlabelled: 1, patch: PATCH, labelledCases: new Set(['a']) };
  const donor: Crop = { caseId: 'a', offset: [0, 0, 0], flips: [false, false, false] };
  const whole = paste({ set: 'donor', item: 0 }, [0, 0, 0], [0, 0, 0], PATCH);
  const good: MixPlan = { ...identityPlan(2, 1), donors: [donor] };
  const withPaste = (given: Partial<Paste>): MixPlan => ({
    ...good,
    unlabelled: [{ base: { set: 'unlabelled', item: 0 }, pastes: [whole, { ...whole, ...given }] }],
  });

  it('begin as the crops themselves', () => {
    expect(good.labelled).toEqual([0, 1].map((item) => ({ base: { set: 'labelled', item }, pastes: [] })));
    const crops = { labelled: [donor, { ...donor, caseId: 'b' }], unlabelled: [donor], donor: [] };
    expect(baseCrops(good.labelled, crops).map(({ caseId }) => caseId)).toEqual(['a', 'b']);
    expect(() => checkPlan(withPaste({}), bounds, 'mixer')).not.toThrow();
  });

  it.each<[string, MixPlan]>([
    ['pseudoWeight is 2, not in [0, 1]', { ...good, pseudoWeight: 2 }],
    ['pseudoWeight is NaN, not in [0, 1]', { ...good, pseudoWeight: Number.NaN }],
    ['donors[0]: "u" is not a labelled case', { ...good, donors: [{ ...donor, caseId: 'u' }] }],
    [
      'labelled[0].base: there is no item 2 among the 2 crops of "labelled"',
      { ...good, labelled: [{ base: { set: 'labelled', item: 2 }, pastes: [] }] },
    ],
    [
      'unlabelled[0].pastes[1]: there is no item 1 among the 1 crops of "donor"',
      withPaste({ source: { set: 'donor', item: 1 } }),
    ],
    ['unlabelled[0].pastes[1]: to [1,0,0] with size [2,3,4] leaves the crop [2,3,4]', withPaste({ to: [1, 0, 0] })],
    ['unlabelled[0].pastes[1]: from [0,-1,0] with size [2,3,4] leaves the crop', withPaste({ from: [0, -1, 0] })],
    ['unlabelled[0].pastes[1]: size [1,0,1] is below 1', withPaste({ size: [1, 0, 1] })],
    ['unlabelled[0].pastes[1]: from, to and size must be three whole numbers each', withPaste({ size: [1, 1.5, 1] })],
  ])('are refused when %s', (problem, plan) => {
    expect(() => checkPlan(plan, bounds, 'mixer:pic (pic 1.0.0)')).toThrow(problem);
    expect(() => checkPlan(plan, bounds, 'mixer:pic (pic 1.0.0)')).toThrow('mixer:pic (pic 1.0.0)');
  });

  it('say why unlabelled crops cannot be taken without a teacher', () => {
    const without = { ...bounds, unlabelled: 0 };
    expect(() => checkPlan(good, without, 'mixer')).toThrow('without a teacher that gives probabilities');
  });
});
