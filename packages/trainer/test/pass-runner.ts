import type { Batch, Crop, DatasetFacts, Mixer, ParameterSpec, StepReport, TrainSettings } from '@dinomix/core';
import { add, concat, matMul, mean, mul, reshape, square, sub, type Tensor } from '@tensorflow/tfjs-core';
import { createOps } from '../src/ops/create-ops.js';
import { createConstant } from '../src/optimization/schedules.js';
import { createSgd } from '../src/optimization/sgd.js';
import { initialValues } from '../src/step/host/initial-values.js';
import { createStepRunner, type StepRunner } from '../src/step/host/step-runner.js';
import { createVariables, type Variables } from '../src/step/host/variables.js';
import { optimizerVariable, partPrefix, studentVariable, teacherVariable } from '../src/step/names.js';
import { viewsInUse } from '../src/step/needs.js';
import type { StepParts } from '../src/step/parts.js';
import type { LossSlot, RunningBackend, StudentNetwork, TeacherSlot } from '../src/types.js';
import { type TinyHostOptions, tinyHost } from './tiny-host.js';
import { tinyEma, tinyLoss } from './tiny-plugins.js';

/* One step after another of a small network on crops of 2 x 4 x 4 voxels, with any passes, losses and hooks. */

const CHANNELS = 3;
const CLASSES = 3;
export const SHAPE = [2, 2, 4, 4] as const;
const VOXELS = 32;
export const RATE = 0.1;

function spec(name: string, shape: number[], rest: Partial<ParameterSpec> = {}): ParameterSpec {
  return { name, shape, initializer: { kind: 'uniform', bound: 0.5 }, trainable: true, decay: false, ...rest };
}

/** What the network is made of. */
export interface NetworkOptions {
  readonly norm: 'instance' | 'batch';
  readonly dropout: number;
}

/** Convolution, normalisation with leaky ReLU, dropout, convolution; the features `hidden` and `wide`. */
export function network({ norm, dropout }: NetworkOptions): StudentNetwork {
  const ops = createOps();
  const buffers = [
    spec('mean', [CHANNELS], { trainable: false, initializer: { kind: 'constant', value: 0 } }),
    spec('variance', [CHANNELS], { trainable: false, initializer: { kind: 'constant', value: 1 } }),
  ];
  return {
    parameters: [
      spec('first', [3, 3, 3, 1, CHANNELS]),
      spec('scale', [CHANNELS], { initializer: { kind: 'constant', value: 1 } }),
      spec('offset', [CHANNELS]),
      ...(norm === 'batch' ? buffers : []),
      spec('last', [1, 1, 1, CHANNELS, CLASSES]),
    ],
    features: { hidden: { channels: CHANNELS, stride: [1, 1, 1] }, wide: { channels: CHANNELS, stride: [1, 1, 1] } },
    multiple: [1, 1, 1],
    forward(x, weights, pass) {
      const wide = ops.conv3d(x, weights.first!, { padding: 'same' });
      const hidden = ops.normActivation(wide, {
        norm,
        slope: 0.1,
        scale: weights.scale!,
        offset: weights.offset!,
        training: pass.training,
        ...(norm === 'instance'
          ? {}
          : {
              running: {
                mean: weights.mean!,
                variance: weights.variance!,
                update(one: Tensor, other: Tensor) {
                  pass.updateBuffer('mean', one);
                  pass.updateBuffer('variance', other);
                },
              },
            }),
      });
      const key = pass.dropoutKey('hidden');
      const kept =
        pass.training && dropout > 0 ? ops.dropout(hidden, { rate: dropout, granularity: 'channel', key }) : hidden;
      return { logits: ops.conv3d(kept, weights.last!, { padding: 'same' }), features: { hidden, wide } };
    },
  };
}

/** The mean over two views as one batch of (hidden · projection)², with a parameter and a buffer of its own. */
export const joined: LossSlot = {
  takes: { labelled: ['features'], unlabelled: ['features'] },
  parameters: () => [
    spec('projection', [CHANNELS, 2]),
    spec('steps', [], { trainable: false, initializer: { kind: 'constant', value: 0 } }),
  ],
  evaluate({ views }, ctx) {
    const features = concat([views.labelled!.features.hidden!, views.unlabelled!.features.hidden!], 0);
    ctx.setState('steps', add(ctx.state.steps!, 1));
    return { value: mean(square(matMul(reshape(features, [-1, CHANNELS]), ctx.state.projection as never))) };
  },
};

/** Compares two views with each other. */
export const compared: LossSlot = {
  takes: { labelled: ['logits'], unlabelled: ['logits'] },
  evaluate({ views: { labelled, unlabelled } }) {
    const value = mean(square(sub(mean(labelled!.logits, [1, 2, 3]), mean(unlabelled!.logits, [1, 2, 3]))));
    return { value, parts: { doubled: mul(value, 2) } };
  },
};

/** Losses of the whole method: a sum over views, pseudo-labels, a mean over joined views, a comparison of views. */
export const LOSSES: Readonly<Record<string, LossSlot>> = {
  supervised: tinyLoss(['labelled', 'mixed-labelled']),
  consistency: tinyLoss(['mixed-unlabelled']),
  joined,
  compared,
};

/** Pastes half a crop of the other part. */
const mixer: Mixer = {
  plan: ({ labelledShape: [count] }) => {
    const item = (set: 'labelled' | 'unlabelled', other: 'labelled' | 'unlabelled') =>
      Array.from({ length: count }, (_, index) => ({
        base: { set, item: index },
        pastes: [
          {
            source: { set: other, item: index },
            from: [0, 0, 0],
            to: [0, 0, 0],
            size: [2, 4, 2],
            classDrawn: 1,
          } as const,
        ],
      }));
    return {
      donors: [],
      labelled: item('labelled', 'unlabelled'),
      unlabelled: item('unlabelled', 'labelled'),
      pseudoWeight: 0.5,
    };
  },
};

/** What a test may change. */
export interface PassSetting {
  readonly passes: TrainSettings['passes'];
  readonly network?: Partial<NetworkOptions>;
  readonly students?: readonly string[];
  readonly losses?: Readonly<Record<string, LossSlot>>;
  readonly teacher?: TeacherSlot;
  readonly mixed?: boolean;
  readonly session?: Partial<RunningBackend>;
  readonly hooks?: TinyHostOptions['more'];
}

const who = (key: string) => ({ key, plugin: 'passes 1.0.0' });

async function createParts(setting: PassSetting, variables: Variables): Promise<StepParts> {
  const { students = ['net'], losses = LOSSES, teacher = tinyEma(), mixed = true } = setting;
  const model = network({ norm: 'instance', dropout: 0, ...setting.network });
  const create = (name: string, one: ParameterSpec, owner: string) =>
    variables.create(name, one.shape, initialValues(one, owner, 7));
  const bound = Object.entries(losses).map(([id, slot]) => ({ ...who(`loss:${id}`), id, slot, weight: constant(0.5) }));
  const made = students.map((id) => {
    const extra = bound.flatMap((loss) =>
      (loss.slot.parameters?.({} as never) ?? []).map((one) => ({
        ...one,
        name: partPrefix('loss', loss.id) + one.name,
      })),
    );
    const specs = [...model.parameters, ...extra];
    for (const one of specs) create(studentVariable(id, one.name), one, `student:${id}`);
    return { ...who(`student:${id}`), id, model, specs };
  });
  await teacher.open?.({ students: made } as never);
  for (const one of teacher.parameters?.() ?? []) {
    const [id, ...name] = one.name.split('/');
    create(teacherVariable('teacher', one.name), { ...one, name: name.join('/') }, `student:${id}`);
  }
  const optimizer = createSgd({ learningRate: RATE, momentum: 0, nesterov: false, weightDecay: 0 });
  for (const { id, specs } of made) {
    for (const one of optimizer.state(specs.filter(({ trainable }) => trainable)))
      create(optimizerVariable(id, one.name), one, 'sgd');
  }
  const teachers = [{ ...who('teacher:teacher'), id: 'teacher', slot: teacher }];
  const takers = { losses: bound, teachers, selectors: [], weighters: [] };
  return {
    students: made,
    teachers,
    mixers: mixed ? [{ id: 'half', plugin: 'passes 1.0.0', value: mixer }] : [],
    selectors: [],
    weighters: [],
    clipNorm: null,
    losses: bound,
    optimizer: { id: 'sgd', plugin: 'passes 1.0.0', value: optimizer },
    schedule: { id: 'constant', plugin: 'passes 1.0.0', value: createConstant() },
    ops: createOps(),
    classCount: CLASSES,
    views: viewsInUse(takers, { unlabelled: true, mixers: mixed }),
  };
}

const constant = (weight: number) =>
  ({ weight, ramp: 'constant', per: 'step', lag: 0, length: 1, students: null }) as const;

function crops(part: string): readonly Crop[] {
  return [0, 1].map((item) => ({ caseId: `${part}${item}`, offset: [0, 0, 0], flips: [false, false, false] }));
}

/** The batch of a step: waves, and classes in stripes. */
export function batchOf(step: number): Batch {
  const image = (seed: number) =>
    Float32Array.from({ length: 2 * VOXELS }, (_, index) => Math.sin(1.7 * index + 0.9 * step + seed));
  const label = Uint8Array.from({ length: 2 * VOXELS }, (_, index) => (index + step) % CLASSES);
  return {
    labelled: { shape: SHAPE, image: image(0), label, crops: crops('l') },
    unlabelled: { shape: SHAPE, image: image(2), crops: crops('u') },
  };
}

/** A run that a test drives. */
export interface Driven {
  readonly runner: StepRunner;
  readonly variables: Variables;
  /** Makes the next steps. */
  steps(count: number): Promise<readonly StepReport[]>;
  /** Host copies of variables by name. */
  values(): Promise<Readonly<Record<string, readonly number[]>>>;
  dispose(): Promise<void>;
}

/** Makes a run of seed 1. */
export async function drive(setting: PassSetting): Promise<Driven> {
  const host = await tinyHost({ more: setting.hooks ?? [] });
  const variables = createVariables();
  const runner = createStepRunner({
    parts: await createParts(setting, variables),
    variables,
    hooks: host.hooks,
    run: { id: 'passes', seed: 1, directory: '/', configHash: '' },
    session: (setting.session ?? {}) as RunningBackend,
    facts: { splits: { labelled: ['l0', 'l1'] } } as unknown as DatasetFacts,
    passes: setting.passes,
    bank: { classes: [1], draw: () => null },
    cutDonors: () => Promise.reject(new Error('no donors')),
    checkpointNote: () => 'No checkpoint.',
    warn: () => undefined,
  });
  let step = 0;
  return {
    runner,
    variables,
    async steps(count) {
      const reports: StepReport[] = [];
      for (let made = 0; made < count; made++) {
        const position = { epoch: 0, step, stepInEpoch: step, epochs: 1, stepsPerEpoch: 8 };
        reports.push(await runner.step(batchOf(step++), position, new AbortController().signal));
      }
      return reports;
    },
    async values() {
      const entries = [...(await variables.read())].map(([name, { data }]) => [name, [...data]] as const);
      return Object.fromEntries(entries);
    },
    async dispose() {
      variables.dispose();
      await host.dispose();
    },
  };
}
