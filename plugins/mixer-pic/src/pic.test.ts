import type { Crop, DonorBank, MixFacts, MixItem, MixPlan, Paste, StepContext } from '@dinomix/core';
import { createRng } from '@dinomix/volume';
import { describe, expect, it } from 'vitest';
import { classProbabilities } from './class-probability.js';
import { optionsSchema } from './options.js';
import { createPic, progressOf } from './pic.js';

const CROP = [8, 8, 8] as const;
const VOXELS = 512;
/** Background, three organs of falling size. */
const LABELLED_VOXELS = [100_000, 9000, 900, 9];
const FOREGROUND = LABELLED_VOXELS.slice(1);

/** Crops in which class c fills its own corner cube of side 2; `missing` classes are left out. */
function labelsOf(crops: number, missing: readonly number[] = []): Uint8Array {
  const labels = new Uint8Array(crops * VOXELS);
  for (let crop = 0; crop < crops; crop++) {
    for (const c of [1, 2, 3]) {
      if (missing.includes(c)) continue;
      for (const [z, y, x] of [
        [0, 0, 0],
        [0, 1, 1],
        [1, 0, 1],
      ] as const) {
        labels[crop * VOXELS + ((z + 2 * c) * 8 + y) * 8 + x + c] = c;
      }
    }
  }
  return labels;
}

const bank: DonorBank = {
  classes: [1, 2, 3],
  draw: (classIndex, placement, rng) => ({
    crop: { caseId: `${placement}-${classIndex}`, offset: [0, 0, 0], flips: [false, false, false] },
    voxel: [rng.integer(0, 8), rng.integer(0, 8), rng.integer(0, 8)],
  }),
};

interface Scene {
  readonly labelled?: number;
  readonly unlabelled?: number;
  readonly labels?: Uint8Array;
  readonly pseudo?: Uint8Array | null;
  readonly donors?: DonorBank;
  readonly previous?: Partial<MixPlan>;
}

function cropsOf(set: string, count: number): Crop[] {
  const at = { offset: [0, 0, 0], flips: [false, false, false] } as const;
  return Array.from({ length: count }, (_, item) => ({ caseId: `${set}-${item}`, ...at }));
}

function factsOf(scene: Scene): MixFacts & { readonly reads: () => number } {
  const { labelled = 2, unlabelled = 2, donors = bank } = scene;
  let reads = 0;
  const itself = (set: 'labelled' | 'unlabelled', count: number): MixItem[] =>
    Array.from({ length: count }, (_, item) => ({ base: { set, item }, pastes: [] }));
  const classes = LABELLED_VOXELS.map((_, index) => ({
    index,
    name: `class ${index}`,
    colour: [0, 0, 0] as const,
    tail: index === 3,
  }));
  return {
    labelledShape: [labelled, ...CROP],
    unlabelledShape: unlabelled === 0 ? null : [unlabelled, ...CROP],
    labels: scene.labels ?? labelsOf(labelled),
    labelledCrops: cropsOf('labelled', labelled),
    unlabelledCrops: cropsOf('unlabelled', unlabelled),
    hasPseudoLabels: unlabelled > 0 && scene.pseudo !== null,
    pseudoLabels: async () => {
      reads += 1;
      return scene.pseudo === undefined ? labelsOf(unlabelled) : scene.pseudo;
    },
    dataset: {
      title: 'test',
      classes,
      splits: { labelled: [], unlabelled: [], validation: [], test: [] },
      labelledVoxels: LABELLED_VOXELS,
      fingerprint: { digest: '', cases: {} },
    },
    donors,
    previous: {
      donors: [],
      labelled: itself('labelled', labelled),
      unlabelled: itself('unlabelled', unlabelled),
      pseudoWeight: 1,
      ...scene.previous,
    },
    reads: () => reads,
  };
}

const STEPS = 1000;

function contextOf(step: number): StepContext {
  return {
    run: { id: 'run', seed: 0, directory: '/', configHash: '' },
    position: { epoch: Math.floor(step / 10), step, stepInEpoch: step % 10, epochs: STEPS / 10, stepsPerEpoch: 10 },
    rng: { stream: (purpose, item = 0) => createRng({ seed: 5, stream: `mixer/pic/${purpose}`, step, item }) },
    signal: new AbortController().signal,
  };
}

const options = (given: Parameters<typeof optionsSchema.parse>[0] = {}) => optionsSchema.parse(given);

interface DrawnPaste {
  readonly target: 'labelled' | 'unlabelled';
  readonly item: number;
  readonly paste: Paste;
}

async function pastesOf(
  given: Parameters<typeof optionsSchema.parse>[0],
  scene: Scene,
  steps: readonly number[],
): Promise<readonly DrawnPaste[]> {
  const mixer = createPic(options(given));
  const found: DrawnPaste[] = [];
  for (const step of steps) {
    const plan = await mixer.plan(factsOf(scene), contextOf(step));
    for (const target of ['labelled', 'unlabelled'] as const) {
      plan[target].forEach(({ pastes }, item) => {
        for (const paste of pastes) found.push({ target, item, paste });
      });
    }
  }
  return found;
}

const range = (count: number, start = 0): number[] => Array.from({ length: count }, (_, index) => start + index);

/** Pearson's statistic of drawn classes against probabilities. */
function chiSquare(drawn: readonly (number | null)[], probabilities: readonly number[]): number {
  return probabilities.reduce((total, probability, index) => {
    const expected = drawn.length * probability;
    return total + (drawn.filter((one) => one === index + 1).length - expected) ** 2 / expected;
  }, 0);
}

describe('classes drawn', () => {
  // 99.9 % of chi-square with 2 degrees of freedom lie below 13.8.
  it.each([
    ['the first step', 0],
    ['the middle of the run', 500],
    ['the last step', STEPS - 1],
  ])('follow P_e over 10,000 draws in %s', async (_, step) => {
    const given = { boxes: 2500, directions: ['labelled-to-labelled', 'labelled-to-unlabelled'] as const };
    const pastes = await pastesOf({ ...given, directions: [...given.directions] }, {}, [step]);
    expect(pastes).toHaveLength(10_000);
    const expected = classProbabilities(FOREGROUND, step / (STEPS - 1), options());
    expect(
      chiSquare(
        pastes.map(({ paste }) => paste.classDrawn),
        expected,
      ),
    ).toBeLessThan(13.8);
  });

  it('have a share of the rarest class that falls from the tail distribution to uniform', async () => {
    const shares = [];
    for (const start of [0, 250, 500, 750, 990]) {
      const pastes = await pastesOf({ boxes: 100 }, {}, range(10, start));
      shares.push(pastes.filter(({ paste }) => paste.classDrawn === 3).length / pastes.length);
    }
    expect(shares).toEqual([...shares].sort((a, b) => b - a));
    // (1 + 0.05) / (0.05 + 1/3 + 0.05 + 1 + 0.05) at the start.
    expect(shares[0]).toBeCloseTo(1.05 / (0.05 + 0.05 + 1 / 3 + 1.05), 1);
    expect(shares.at(-1)).toBeCloseTo(1 / 3, 1);
  });

  it('are restricted to those of the donor crop', async () => {
    const scene = { labels: labelsOf(2, [3]), pseudo: labelsOf(2, [1, 3]) };
    const pastes = await pastesOf({ donors: 'batch' }, scene, range(100));
    const of = (set: string) =>
      new Set(pastes.filter(({ paste }) => paste.source.set === set).map(({ paste }) => paste.classDrawn));
    expect(of('labelled')).toEqual(new Set([1, 2]));
    expect(of('unlabelled')).toEqual(new Set([2]));
  });

  it('are null for a box anywhere where the donor crop has none', async () => {
    const scene = { labels: new Uint8Array(2 * VOXELS) };
    const pastes = await pastesOf({ donors: 'batch', directions: ['labelled-to-unlabelled'] }, scene, range(20));
    expect(pastes).toHaveLength(40);
    expect(pastes.every(({ paste }) => paste.classDrawn === null)).toBe(true);
  });
});

describe('boxes', () => {
  it('hold a voxel of their class, lie inside and stay at their place', async () => {
    const pastes = await pastesOf({ donors: 'batch', sides: [0.125, 0.5] }, {}, range(200));
    const labels = labelsOf(2);
    for (const { paste } of pastes) {
      const { from, to, size, source, classDrawn } = paste;
      expect(to).toEqual(from);
      expect(from.every((start, axis) => start >= 0 && start + size[axis]! <= 8)).toBe(true);
      let found = false;
      for (const z of range(size[0], from[0])) {
        for (const y of range(size[1], from[1])) {
          for (const x of range(size[2], from[2])) {
            found ||= labels[source.item * VOXELS + (z * 8 + y) * 8 + x] === classDrawn;
          }
        }
      }
      expect(found).toBe(true);
    }
  });

  it('move where asked', async () => {
    const pastes = await pastesOf({ destination: 'random' }, {}, range(20));
    expect(pastes.some(({ paste }) => paste.to.join() !== paste.from.join())).toBe(true);
    expect(pastes.every(({ paste }) => paste.to.every((start, axis) => start + paste.size[axis]! <= 8))).toBe(true);
  });
});

describe('directions', () => {
  it('are half labelled and half unlabelled for each target, never from the crop itself', async () => {
    const pastes = await pastesOf({ donors: 'batch' }, {}, range(500));
    for (const target of ['labelled', 'unlabelled'] as const) {
      const own = pastes.filter((one) => one.target === target);
      // 500 of 1000, standard deviation 15.8.
      expect(Math.abs(own.filter(({ paste }) => paste.source.set === 'labelled').length - 500)).toBeLessThan(4 * 15.8);
    }
    expect(pastes.some(({ target, item, paste }) => paste.source.set === target && paste.source.item === item)).toBe(
      false,
    );
  });

  it('without unlabelled donors read no pseudo-label', async () => {
    const facts = factsOf({});
    const mixer = createPic(options({ directions: ['labelled-to-labelled', 'labelled-to-unlabelled'] }));
    const plan = await mixer.plan(facts, contextOf(0));
    expect(facts.reads()).toBe(0);
    expect([...plan.labelled, ...plan.unlabelled].every(({ pastes }) => pastes[0]!.source.set === 'donor')).toBe(true);
  });

  it('fall back to what there is without pseudo-labels or unlabelled crops', async () => {
    const none = await pastesOf({}, { pseudo: null }, range(20));
    expect(new Set(none.map(({ paste }) => paste.source.set))).toEqual(new Set(['donor']));
    const alone = await pastesOf({ donors: 'batch' }, { labelled: 1, unlabelled: 0, pseudo: null }, range(5));
    expect(alone).toEqual([]);
    const lone = await pastesOf({ directions: ['unlabelled-to-unlabelled'] }, { unlabelled: 1 }, range(5));
    expect(lone).toEqual([]);
  });
});

describe('bank donors', () => {
  it('are listed once each after those of the mixer before, with the asked placement', async () => {
    const earlier = { caseId: 'earlier', offset: [0, 0, 0], flips: [false, false, false] } as const;
    const paste = {
      source: { set: 'donor', item: 0 },
      from: [0, 0, 0],
      to: [0, 0, 0],
      size: [1, 1, 1],
      classDrawn: 1,
    } as const;
    const previous = {
      donors: [earlier],
      labelled: [{ base: { set: 'labelled', item: 0 }, pastes: [paste] }],
    } as const;
    const given = options({
      placement: 'uniform',
      directions: ['labelled-to-labelled', 'labelled-to-unlabelled'],
      boxes: 2,
    });
    const plan = await createPic(given).plan(factsOf({ labelled: 1, previous }), contextOf(0));
    expect(plan.donors[0]).toBe(earlier);
    expect(plan.donors).toHaveLength(1 + 2 + 4);
    const pastes = [...plan.labelled, ...plan.unlabelled].flatMap((item) => item.pastes);
    expect(pastes[0]).toBe(paste);
    expect(pastes.map(({ source }) => source.item)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    for (const { source, classDrawn } of pastes.slice(1)) {
      expect(plan.donors[source.item]!.caseId).toBe(`uniform-${classDrawn}`);
    }
  });

  it('come from the classes of the bank alone', async () => {
    const pastes = await pastesOf(
      { directions: ['labelled-to-labelled'] },
      { donors: { ...bank, classes: [2] } },
      range(20),
    );
    expect(new Set(pastes.map(({ paste }) => paste.classDrawn))).toEqual(new Set([2]));
  });
});

describe('the plan', () => {
  it('is JSON, the same for the same streams, and carries the weight of pseudo-labels', async () => {
    const plan = await createPic(options({ pseudoWeight: 0.25 })).plan(factsOf({}), contextOf(3));
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
    expect(plan.pseudoWeight).toBe(0.25);
    expect(await createPic(options({ pseudoWeight: 0.25 })).plan(factsOf({}), contextOf(3))).toEqual(plan);
  });

  it('mixes nothing with probability 0', async () => {
    expect(await pastesOf({ probability: 0 }, {}, range(10))).toEqual([]);
  });

  it('is the same after a restart from the saved state', async () => {
    const scene = { pseudo: labelsOf(2, [1]) };
    const through = createPic(options({ donors: 'batch', boxes: 5 }));
    for (const step of range(30)) await through.plan(factsOf(scene), contextOf(step));
    const resumed = createPic(options({ donors: 'batch', boxes: 5 }));
    await resumed.setState!(JSON.parse(JSON.stringify({ json: {}, arrays: {} })));
    await resumed.setState!(await through.getState!());
    expect(await resumed.plan(factsOf(scene), contextOf(500))).toEqual(
      await through.plan(factsOf(scene), contextOf(500)),
    );
    expect(resumed.report!()).toEqual(through.report!());
    const fresh = createPic(options({ donors: 'batch', boxes: 5 }));
    await fresh.plan(factsOf(scene), contextOf(500));
    expect(fresh.report!()).not.toEqual(through.report!());
  });
});

describe('the report', () => {
  it('has planned shares and boxes drawn by class', async () => {
    const mixer = createPic(options({ boxes: 3 }));
    expect(mixer.report!()).toEqual({});
    const plan = await mixer.plan(factsOf({}), contextOf(0));
    const { plannedLabelled, plannedUnlabelled, drawn } = mixer.report!();
    expect(plannedLabelled!.values.slice(1)).toEqual(classProbabilities(FOREGROUND, 0, options()));
    expect(plannedLabelled!.values[0]).toBe(0);
    expect(plannedUnlabelled!.values.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
    const classes = [...plan.labelled, ...plan.unlabelled].flatMap(({ pastes }) => pastes.map((one) => one.classDrawn));
    const counts = [0, 1, 2, 3].map((c) => classes.filter((one) => one === c).length);
    expect(drawn).toEqual({ unit: 'count', values: counts });
  });

  it('lets the pseudo-labels take over for unlabelled donors during the run, or never', async () => {
    // Pseudo-labels without class 1: it becomes the rarest of the unlabelled donors.
    const course = async (statisticsRamp: number | null, step: number) => {
      const mixer = createPic(options({ statisticsDecay: 0, statisticsRamp, curriculum: 'tail' }));
      await mixer.plan(factsOf({ pseudo: labelsOf(2, [1]) }), contextOf(step));
      return mixer.report!();
    };
    expect((await course(1, 0)).plannedUnlabelled).toEqual((await course(1, 0)).plannedLabelled);
    const late = (await course(1, STEPS - 1)).plannedUnlabelled!.values;
    expect(late[1]).toBe(Math.max(...late));
    const never = await course(null, STEPS - 1);
    expect(never.plannedUnlabelled).toEqual(never.plannedLabelled);
  });
});

it('progress runs from 0 in the first step to 1 in the last', () => {
  expect(progressOf({ step: 0, epochs: 3, stepsPerEpoch: 4 })).toBe(0);
  expect(progressOf({ step: 11, epochs: 3, stepsPerEpoch: 4 })).toBe(1);
  expect(progressOf({ step: 0, epochs: 1, stepsPerEpoch: 1 })).toBe(0);
});
