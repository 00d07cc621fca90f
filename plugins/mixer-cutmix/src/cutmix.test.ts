import type { Crop, MixFacts, MixItem, MixPlan } from '@dinomix/core';
import { createRng } from '@dinomix/volume';
import { describe, expect, it } from 'vitest';
import { planCutmix } from './cutmix.js';
import { optionsSchema } from './options.js';

const CROP = [8, 16, 12] as const;

function cropsOf(set: string, count: number): Crop[] {
  const at = { offset: [0, 0, 0], flips: [false, false, false] } as const;
  return Array.from({ length: count }, (_, item) => ({ caseId: `${set}-${item}`, ...at }));
}

function facts(labelled: number, unlabelled: number, previous: Partial<MixPlan> = {}): MixFacts {
  const unused = (): never => {
    throw new Error('CutMix needs neither labels nor a bank');
  };
  const itself = (set: 'labelled' | 'unlabelled', count: number): MixItem[] =>
    Array.from({ length: count }, (_, item) => ({ base: { set, item }, pastes: [] }));
  return {
    labelledShape: [labelled, ...CROP],
    unlabelledShape: unlabelled === 0 ? null : [unlabelled, ...CROP],
    get labels() {
      return unused();
    },
    labelledCrops: cropsOf('labelled', labelled),
    unlabelledCrops: cropsOf('unlabelled', unlabelled),
    hasPseudoLabels: previous.unlabelled?.length !== 0 && unlabelled > 0,
    pseudoLabels: unused,
    get dataset() {
      return unused();
    },
    get donors() {
      return unused();
    },
    previous: {
      donors: [],
      labelled: itself('labelled', labelled),
      unlabelled: itself('unlabelled', unlabelled),
      pseudoWeight: 1,
      ...previous,
    },
  };
}

function plan(given: Parameters<typeof optionsSchema.parse>[0], counts: readonly [number, number], step = 0) {
  const stream = (part: string, item: number) => createRng({ seed: 1, stream: `cutmix/${part}`, step, item });
  return planCutmix(facts(...counts), optionsSchema.parse(given), stream);
}

const STEPS = Array.from({ length: 500 }, (_, step) => step);

describe('boxes', () => {
  it('lie inside the crop with sides in the range, and stay at their place', () => {
    const touched = { low: [99, 99, 99], high: [0, 0, 0] };
    for (const step of STEPS) {
      const { labelled, unlabelled } = plan({}, [2, 2], step);
      for (const { pastes } of [...labelled, ...unlabelled]) {
        const [paste] = pastes;
        expect(paste!.to).toEqual(paste!.from);
        expect(paste!.classDrawn).toBeNull();
        CROP.forEach((side, axis) => {
          expect(paste!.size[axis]).toBeGreaterThanOrEqual(Math.round(side * 0.25));
          expect(paste!.size[axis]).toBeLessThanOrEqual(Math.round(side * 0.5));
          touched.low[axis] = Math.min(touched.low[axis]!, paste!.from[axis]!);
          touched.high[axis] = Math.max(touched.high[axis]!, paste!.from[axis]! + paste!.size[axis]!);
        });
      }
    }
    expect(touched).toEqual({ low: [0, 0, 0], high: [...CROP] });
  });

  it('are as many as asked for, each after those of the mixer before', () => {
    const paste = { source: { set: 'unlabelled', item: 0 }, from: CROP, to: CROP, size: CROP, classDrawn: 3 } as const;
    const labelled: MixItem[] = [{ base: { set: 'labelled', item: 0 }, pastes: [paste] }];
    const rng = createRng({ seed: 0, stream: 'x' });
    const result = planCutmix(facts(1, 1, { labelled }), optionsSchema.parse({ boxes: 3 }), () => rng);
    expect(result.labelled[0]!.pastes).toHaveLength(4);
    expect(result.labelled[0]!.pastes[0]).toBe(paste);
  });
});

describe('sources', () => {
  it('are never the crop itself', () => {
    for (const step of STEPS) {
      const { labelled, unlabelled } = plan({}, [2, 3], step);
      for (const { base, pastes } of [...labelled, ...unlabelled]) expect(pastes[0]!.source).not.toEqual(base);
    }
  });

  it('take both directions equally often, and each partner too', () => {
    const counts: Record<string, number> = {};
    for (const step of STEPS) {
      const { source } = plan({}, [3, 2], step).labelled[0]!.pastes[0]!;
      counts[`${source.set} ${source.item}`] = (counts[`${source.set} ${source.item}`] ?? 0) + 1;
    }
    // Half the boxes from 2 labelled partners, half from 2 unlabelled ones: 125 each, standard deviation 9.7.
    expect(Object.keys(counts).sort()).toEqual(['labelled 1', 'labelled 2', 'unlabelled 0', 'unlabelled 1']);
    for (const count of Object.values(counts)) expect(Math.abs(count - 125)).toBeLessThan(4 * 9.7);
  });

  it('follow the allowed directions', () => {
    const { labelled, unlabelled } = plan({ directions: ['labelled-to-unlabelled'] }, [2, 2]);
    expect(labelled.every(({ pastes }) => pastes.length === 0)).toBe(true);
    expect(unlabelled.every(({ pastes }) => pastes[0]!.source.set === 'labelled')).toBe(true);
  });

  it('are labelled alone where unlabelled crops have no target', () => {
    const given = facts(2, 2, { unlabelled: [] });
    for (const step of STEPS.slice(0, 50)) {
      const stream = (part: string, item: number) => createRng({ seed: 1, stream: `cutmix/${part}`, step, item });
      const { labelled, unlabelled } = planCutmix(given, optionsSchema.parse({}), stream);
      expect(unlabelled).toEqual([]);
      expect(labelled.flatMap(({ pastes }) => pastes.map(({ source }) => source.set))).toEqual([
        'labelled',
        'labelled',
      ]);
    }
  });

  it('leave a lone crop as it is', () => {
    expect(plan({}, [1, 0]).labelled).toEqual([{ base: { set: 'labelled', item: 0 }, pastes: [] }]);
  });
});

it('probability 0 mixes nothing, 0.3 about a third', () => {
  const mixed = (probability: number): number =>
    STEPS.filter((step) => plan({ probability }, [2, 2], step).unlabelled[0]!.pastes.length > 0).length;
  expect(mixed(0)).toBe(0);
  // 150 of 500, standard deviation 10.2.
  expect(Math.abs(mixed(0.3) - 150)).toBeLessThan(4 * 10.2);
});

it('the plan is JSON and the same for the same streams', () => {
  const first = plan({}, [2, 2], 7);
  expect(JSON.parse(JSON.stringify(first))).toEqual(first);
  expect(plan({}, [2, 2], 7)).toEqual(first);
  expect(plan({}, [2, 2], 8)).not.toEqual(first);
});

it('options refuse sides in the wrong order', () => {
  expect(optionsSchema.safeParse({ sides: [0.5, 0.25] }).error!.issues[0]!.message).toBe(
    'Expected the smaller share first',
  );
});
