import {
  definePlugin,
  type Mixer,
  type MixItem,
  type OptionsSchema,
  type ParameterSpec,
  type PluginApi,
  type SlotKey,
  type ViewName,
  type ViewNeed,
} from '@dinomix/core';
import { add, div, memory, minimum, mul, scalar, softmax, sub, type Tensor } from '@tensorflow/tfjs-core';
import { type TinyOptions, tinyDataset } from '../../data/test/tiny-dataset.js';
import type { BackendSlot, LossSlot, StudentSlot, TeacherSlot } from '../src/types.js';

/** Takes any options as they are. */
export function anyOptions<O>(): OptionsSchema<O, O> {
  return { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: value as O }) } };
}

/** A plugin made of one setup function. */
export function tinyPlugin<const K extends SlotKey>(
  keys: readonly K[],
  setup: (api: PluginApi<K, Tensor>) => void,
  name = `tiny-${keys.join('-').replaceAll(':', '-') || 'hooks'}`,
) {
  const options = anyOptions<Record<string, never>>();
  const both = { name, version: '1.0.0', core: '^1.0.0', api: 1, provides: keys, options };
  return definePlugin({ ...both, setup: (api) => setup(api as unknown as PluginApi<K, Tensor>) })();
}

/** The CPU backend that test/backend.ts started. */
export function tinyBackend(session: Partial<Awaited<ReturnType<BackendSlot['setup']>>> = {}) {
  const slot: BackendSlot = {
    setup: async () => ({
      name: 'cpu',
      device: 'cpu',
      facts: {},
      ops: {},
      usage: () => ({ tensors: memory().numTensors, bytes: memory().numBytes, fallbackKernels: {} }),
      dispose: async () => undefined,
      ...session,
    }),
    probe: async () => [],
  };
  return tinyPlugin(['backend:tiny'], (api) => api.provide('backend', 'tiny', () => slot));
}

/** The made-up data set. */
export function tinyData(options: TinyOptions = {}) {
  return tinyPlugin(['dataset:tiny'], (api) => api.provide('dataset', 'tiny', () => tinyDataset(options)));
}

function spec(name: string, shape: number[], rest: Partial<ParameterSpec> = {}): ParameterSpec {
  return { name, shape, initializer: { kind: 'constant', value: 0 }, trainable: true, decay: true, ...rest };
}

/** Convolution, batch normalisation, dropout, convolution. */
export const tinyStudent: StudentSlot = {
  build: ({ ops, inputChannels, classCount }) => ({
    parameters: [
      spec('first.filter', [3, 3, 3, inputChannels, 4], {
        initializer: { kind: 'kaiming-normal', fanIn: 27, slope: 0 },
      }),
      spec('norm.scale', [4], { initializer: { kind: 'constant', value: 1 }, decay: false }),
      spec('norm.offset', [4], { decay: false }),
      spec('norm.mean', [4], { trainable: false }),
      spec('norm.variance', [4], { initializer: { kind: 'constant', value: 1 }, trainable: false }),
      spec('last.filter', [1, 1, 1, 4, classCount], { initializer: { kind: 'kaiming-normal', fanIn: 4, slope: 0 } }),
      spec('last.bias', [classCount], { decay: false }),
    ],
    features: { hidden: { channels: 4, stride: [1, 1, 1] } },
    multiple: [1, 2, 2],
    forward(x, weights, pass) {
      const wide = ops.conv3d(x, weights['first.filter']!, { padding: 'same' });
      const hidden = ops.normActivation(wide, {
        norm: 'batch',
        slope: 0.1,
        scale: weights['norm.scale']!,
        offset: weights['norm.offset']!,
        running: {
          mean: weights['norm.mean']!,
          variance: weights['norm.variance']!,
          update(mean, variance) {
            pass.updateBuffer('norm.mean', mean);
            pass.updateBuffer('norm.variance', variance);
          },
        },
        training: pass.training,
      });
      const kept = pass.training
        ? ops.dropout(hidden, { rate: 0.25, granularity: 'channel', key: pass.dropoutKey('hidden') })
        : hidden;
      const logits = ops.conv3d(kept, weights['last.filter']!, { bias: weights['last.bias']!, padding: 'same' });
      return { logits, features: { hidden } };
    },
  }),
};

/** The mean teacher. */
export function tinyEma(): TeacherSlot {
  let specs: ParameterSpec[] = [];
  const own = (weights: Readonly<Record<string, Tensor>>, id: string) =>
    Object.fromEntries(
      Object.entries(weights)
        .filter(([name]) => name.startsWith(`${id}/`))
        .map(([name, value]) => [name.slice(id.length + 1), value]),
    );
  return {
    kind: 'ema',
    traceable: true,
    produces: { probabilities: true, tokens: false },
    looksAt: ['unlabelled'],
    provenance: null,
    async open({ students }) {
      specs = students.flatMap(({ id, model }) =>
        model.parameters.map((given) => ({ ...given, name: `${id}/${given.name}`, trainable: false })),
      );
    },
    parameters: () => specs,
    predict: ({ unlabelled }, ctx) => ({
      unlabelled: {
        probabilities: Object.fromEntries(
          ctx.students.map(({ id, model, pass }) => {
            const output = model.forward(unlabelled!.image, own(ctx.state, id), pass(false));
            return [id, softmax(output.logits)];
          }),
        ),
      },
    }),
    update(ctx) {
      const alpha = minimum(sub(1, div(1, add(ctx.iteration, 1))), 0.99);
      for (const { id, model, weights } of ctx.students) {
        for (const { name, trainable } of model.parameters) {
          const past = mul(ctx.state[`${id}/${name}`]!, alpha);
          const averaged = () => add(past, mul(weights[name]!, sub(scalar(1), alpha)));
          ctx.setState(`${id}/${name}`, trainable ? averaged() : weights[name]!);
        }
      }
    },
    evaluationWeights: (id, { state }) => own(state, id),
  };
}

/** Pastes a box of a donor that has a rare class, and one of the unlabelled crop, half of the crop each way. */
export const tinyMixer: Mixer = {
  plan(facts, { rng }) {
    const [count, , ...size] = [...facts.labelledShape] as [number, number, number, number];
    const draw = facts.donors.draw(2, 'uniform', rng.stream('donor'))!;
    const box = { from: [0, 0, 0], to: [0, 0, 0], size: [2, size[0]!, 4], classDrawn: 2 } as const;
    const items = (set: 'labelled' | 'unlabelled', other: 'donor' | 'unlabelled'): MixItem[] =>
      Array.from({ length: count }, (_, item) => ({
        base: { set, item },
        pastes: [{ ...box, source: { set: other, item: other === 'donor' ? 0 : item } }],
      }));
    return {
      donors: [draw.crop],
      labelled: items('labelled', 'unlabelled'),
      unlabelled: items('unlabelled', 'donor'),
      pseudoWeight: 0.5,
    };
  },
  report: () => ({ boxes: { unit: 'count', values: [4] } }),
};

/** Cross-entropy plus Dice against the target of its views. */
export function tinyLoss(views: readonly ViewName[], needsProbabilities = false): LossSlot {
  const needs: readonly ViewNeed[] = needsProbabilities ? ['logits', 'probabilities'] : ['logits'];
  return {
    takes: Object.fromEntries(views.map((view) => [view, needs])),
    evaluate(input, { ops }) {
      const seen = Object.values(input.views).filter(({ target }) => target !== null);
      if (seen.length === 0) return null;
      const terms = seen.map(({ logits, target, voxelWeight }) => {
        const weights = input.classWeights === null ? {} : { classWeights: input.classWeights };
        return ops.softmaxCrossEntropyDice(logits, target!, { crossEntropy: 1, dice: 1, voxelWeight, ...weights });
      });
      return { value: terms.reduce((total, term) => add(total, term)), parts: { first: terms[0]! } };
    },
  };
}

/** The mixer that looks at the facts of every plan first. */
export function mixerThat(look: (facts: Parameters<Mixer['plan']>[0]) => Promise<void>) {
  return tinyPlugin(['mixer:box'], (api) => {
    api.provide('mixer', 'box', () => ({
      ...tinyMixer,
      async plan(facts, ctx) {
        await look(facts);
        return tinyMixer.plan(facts, ctx);
      },
    }));
  });
}

/** The EMA teacher with other parts. */
export function teacherThat(change: Partial<TeacherSlot>) {
  return tinyPlugin(['teacher:ema'], (api) => api.provide('teacher', 'ema', () => ({ ...tinyEma(), ...change })));
}
