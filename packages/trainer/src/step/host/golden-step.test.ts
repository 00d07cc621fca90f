import '../../../test/backend.js';
import type { Batch, Crop, DatasetFacts, LossWeight, Mixer, ParameterSpec, StepReport, ViewName } from '@dinomix/core';
import { memory, mul, type Tensor } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyHost } from '../../../test/tiny-host.js';
import { tinyEma } from '../../../test/tiny-plugins.js';
import { createOps } from '../../ops/create-ops.js';
import { createConstant } from '../../optimization/schedules.js';
import { createSgd } from '../../optimization/sgd.js';
import type { LossSlot, RunningBackend, StudentNetwork } from '../../types.js';
import type { StepParts } from '../parts.js';
import { createStepRunner, type StepRunner } from './step-runner.js';
import { createVariables, type Variables } from './variables.js';

/*
 * Two voxels, two classes, one weight per class: logits are x · w. All weights start at 0, so that every probability is 1/2
 * and everything can be worked out by hand.
 */

const ops = createOps();
const decimals = 6;
const spec: ParameterSpec = {
  name: 'w',
  shape: [2],
  initializer: { kind: 'constant', value: 0 },
  trainable: true,
  decay: true,
};
const model: StudentNetwork = {
  parameters: [spec],
  features: {},
  multiple: [1, 1, 1],
  forward: (x, weights) => ({ logits: mul(x, weights.w!), features: {} }),
};
const crossEntropy = (views: readonly ViewName[]): LossSlot => ({
  takes: Object.fromEntries(views.map((view) => [view, ['logits']])),
  evaluate: ({ views: given }, ctx) => {
    const [view] = Object.values(given);
    const { logits, target, voxelWeight } = view!;
    const value = ctx.ops.softmaxCrossEntropyDice(logits, target!, { crossEntropy: 1, dice: 0, voxelWeight });
    return { value, parts: { same: value } };
  },
});
/** The unlabelled crop with the first labelled voxel pasted onto its second. */
const mixer: Mixer = {
  plan: () => ({
    donors: [],
    labelled: [],
    unlabelled: [
      {
        base: { set: 'unlabelled', item: 0 },
        pastes: [
          { source: { set: 'labelled', item: 0 }, from: [0, 0, 0], to: [0, 0, 1], size: [1, 1, 1], classDrawn: 1 },
        ],
      },
    ],
    pseudoWeight: 0.5,
  }),
};
const constant = (weight: number): LossWeight => ({
  weight,
  ramp: 'constant',
  per: 'step',
  lag: 0,
  length: 1,
  students: null,
});
const who = (key: string) => ({ key, plugin: 'golden 1.0.0' });

async function createParts(variables: Variables, mixedWeight: LossWeight): Promise<StepParts> {
  const student = { ...who('student:net'), id: 'net', model, specs: [spec] };
  const ema = tinyEma();
  await ema.open!({ students: [{ id: 'net', model }] } as never);
  const optimizer = createSgd({ learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0 });
  for (const name of ['student/net/w', 'teacher/ema/net/w', 'optimizer/net/momentum/w']) {
    variables.create(name, [2], new Float32Array(2));
  }
  const loss = (id: string, views: readonly ViewName[], weight: LossWeight) => {
    return { ...who(`loss:${id}`), id, slot: crossEntropy(views), weight };
  };
  return {
    students: [student],
    teachers: [{ ...who('teacher:ema'), id: 'ema', slot: ema }],
    mixers: [{ id: 'box', plugin: 'golden 1.0.0', value: mixer }],
    selectors: [],
    weighters: [],
    clipNorm: null,
    losses: [loss('supervised', ['labelled'], constant(1)), loss('mixed', ['mixed-unlabelled'], mixedWeight)],
    optimizer: { id: 'sgd', plugin: 'golden 1.0.0', value: optimizer },
    schedule: { id: 'constant', plugin: 'golden 1.0.0', value: createConstant() },
    ops,
    classCount: 2,
    views: [
      { name: 'labelled', logits: true, features: [] },
      { name: 'mixed-unlabelled', logits: true, features: [] },
    ],
  };
}

const crop = (caseId: string): Crop => ({ caseId, offset: [0, 0, 0], flips: [false, false, false] });
const batch: Batch = {
  labelled: { shape: [1, 1, 1, 2], image: Float32Array.of(1, 2), label: Uint8Array.of(1, 0), crops: [crop('l')] },
  unlabelled: { shape: [1, 1, 1, 2], image: Float32Array.of(3, 4), crops: [crop('u')] },
};
const facts = { splits: { labelled: ['l'], unlabelled: ['u'], validation: [], test: [] } } as unknown as DatasetFacts;

async function createRunner(
  session: Partial<RunningBackend>,
  mixedWeight = constant(0.4),
): Promise<[StepRunner, Variables, () => Promise<void>]> {
  const host = await tinyHost();
  const variables = createVariables();
  const runner = createStepRunner({
    parts: await createParts(variables, mixedWeight),
    variables,
    hooks: host.hooks,
    run: { id: 'golden', seed: 1, directory: '/', configHash: '' },
    session: session as RunningBackend,
    facts,
    passes: 'together',
    bank: { classes: [1], draw: () => null },
    cutDonors: () => Promise.reject(new Error('no donors')),
    checkpointNote: () => 'No checkpoint.',
    warn: () => undefined,
  });
  return [runner, variables, () => host.dispose()];
}

function step(runner: StepRunner, number: number): Promise<StepReport> {
  const position = { epoch: 0, step: number, stepInEpoch: number, epochs: 1, stepsPerEpoch: 4 };
  return runner.step(batch, position, new AbortController().signal);
}

function values(tensor: Tensor | undefined): number[] {
  return [...tensor!.dataSync()];
}

describe('a step by hand', () => {
  let runner: StepRunner;
  let variables: Variables;
  let dispose: () => Promise<void>;
  let first: StepReport;

  beforeAll(async () => {
    [runner, variables, dispose] = await createRunner({});
    first = await step(runner, 0);
  });
  afterAll(() => dispose());

  it('has the losses', () => {
    // Labelled: ln 2. Mixed: voxel weights 0.5 (pseudo-label) and 1 (pasted truth) over two voxels: 0.75 ln 2.
    expect(first.terms.supervised).toMatchObject({ weight: 1, parts: { same: first.terms.supervised!.value } });
    expect(first.terms.supervised!.value).toBeCloseTo(Math.LN2, decimals);
    expect(first.terms.mixed!.value).toBeCloseTo(0.75 * Math.LN2, decimals);
    expect(first.loss).toBeCloseTo((1 + 0.4 * 0.75) * Math.LN2, decimals);
  });

  it('moves the weights by Nesterov momentum', () => {
    // Gradient for class 0, (p - y) x m over two voxels:
    // labelled x = 1, 2 with classes 1, 0: (0.5 · 1 - 0.5 · 2) / 2 = -0.25;
    // mixed x = 3, 1 with classes 0 (pseudo-label, weight 0.5), 1 (truth): (-0.5 · 3 · 0.5 + 0.5 · 1) / 2 = -0.125.
    // g = -0.25 - 0.4 · 0.125 = -0.3; v = g; w = -0.1 · (g + 0.9 v) = 0.057.
    const [w, v] = [values(variables.tensors['student/net/w']), values(variables.tensors['optimizer/net/momentum/w'])];
    expect(w[0]).toBeCloseTo(0.057, decimals);
    expect(w[1]).toBeCloseTo(-0.057, decimals);
    expect(v[0]).toBeCloseTo(-0.3, decimals);
  });

  it('copies the student to the teacher in the first step: alpha is 0', () => {
    expect(values(variables.tensors['teacher/ema/net/w'])).toEqual(values(variables.tensors['student/net/w']));
  });

  it('counts voxels and Dice', () => {
    // Every prediction is class 0, the first of equals. Targets: truth 1, 0 (labelled) and 1 (pasted), pseudo-label 0.
    expect(first.targetVoxels).toEqual({ truth: [1, 2], pseudo: [1, 0] });
    expect(first.pseudoDice.net![0]).toBeCloseTo((2 * 2) / (4 + 2), decimals);
    expect(first.pseudoDice.net![1]).toBe(0);
    expect(first.learningRate).toBe(0.1);
  });

  it('goes on from there in the second step', async () => {
    const before = memory().numTensors;
    const second = await step(runner, 1);
    expect(memory().numTensors).toBe(before);
    // In doubles: logits x · (0.057, -0.057); p0 = 1 / (1 + exp(-0.114 x)); the pseudo-label is class 0 again.
    const p0 = (x: number) => 1 / (1 + Math.exp(-0.114 * x));
    const labelled = (-Math.log(1 - p0(1)) - Math.log(p0(2))) / 2;
    const mixed = (-0.5 * Math.log(p0(3)) - Math.log(1 - p0(1))) / 2;
    expect(second.loss).toBeCloseTo(labelled + 0.4 * mixed, decimals);
    const g = (p0(1) + (p0(2) - 1) * 2) / 2 + (0.4 * (0.5 * (p0(3) - 1) * 3 + p0(1))) / 2;
    const v = 0.9 * -0.3 + g;
    const w = 0.057 - 0.1 * (g + 0.9 * v);
    expect(values(variables.tensors['student/net/w'])[0]).toBeCloseTo(w, decimals);
    // alpha = min(1 - 1 / 2, 0.99)
    expect(values(variables.tensors['teacher/ema/net/w'])[0]).toBeCloseTo(0.5 * 0.057 + 0.5 * w, decimals);
  });
});

it.each([
  ['linear', 0.5],
  ['gaussian', Math.exp(-5)],
  ['cosine', 0.5],
] as const)('a weight with the ramp "%s" scales the gradient of its term', async (ramp, factor) => {
  const [runner, variables, dispose] = await createRunner(
    {},
    { ...constant(0.8), ramp, per: ramp === 'gaussian' ? 'epoch' : 'step' },
  );
  // Half way through the run, in its only epoch.
  const report = await step(runner, 2);
  expect(report.terms.mixed!.weight).toBeCloseTo(0.8 * factor, 12);
  // As above: g = -0.25 - λ · 0.125; v = g; w = -0.1 · (g + 0.9 v).
  const g = -0.25 - 0.8 * factor * 0.125;
  expect(values(variables.tensors['student/net/w'])[0]).toBeCloseTo(-0.19 * g, decimals);
  await dispose();
});
