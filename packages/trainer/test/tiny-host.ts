import { createHost, type Host, type PluginInstance } from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { builtIns } from '../src/built-ins.js';
import { tinyBackend, tinyData, tinyEma, tinyLoss, tinyMixer, tinyPlugin, tinyStudent } from './tiny-plugins.js';

/** Dice per class and nothing else. */
function tinyMetric() {
  return tinyPlugin(['metric:dice'], (api) =>
    api.provide('metric', 'dice', () => ({
      columns: [{ name: 'dice', title: 'Dice', unit: 'ratio', better: 'higher' }],
      evaluate: ({ prediction, reference, classCount }) => ({
        dice: Array.from({ length: classCount }, (_, index) => {
          let [both, sum] = [0, 0];
          prediction.forEach((label, voxel) => {
            const wanted = reference[voxel] === index;
            if (label === index) sum++;
            if (wanted) sum++;
            if (wanted && label === index) both++;
          });
          return sum === 0 ? null : (2 * both) / sum;
        }),
      }),
    })),
  );
}

/** Everything that the tiny method is made of, by slot. */
export function tinyParts() {
  return {
    backend: tinyBackend(),
    dataset: tinyData(),
    student: tinyPlugin(['student:net'], (api) => api.provide('student', 'net', () => tinyStudent)),
    teacher: tinyPlugin(['teacher:ema'], (api) => api.provide('teacher', 'ema', () => tinyEma())),
    mixer: tinyPlugin(['mixer:box'], (api) => api.provide('mixer', 'box', () => tinyMixer)),
    supervised: tinyPlugin(['loss:supervised'], (api) =>
      api.provide('loss', 'supervised', () => tinyLoss(['labelled', 'mixed-labelled'])),
    ),
    consistency: tinyPlugin(['loss:consistency'], (api) =>
      api.provide('loss', 'consistency', () => tinyLoss(['mixed-unlabelled'], true)),
    ),
    metric: tinyMetric(),
  };
}

/** Settings that a test may change. */
export interface TinyHostOptions {
  readonly plugins?: Partial<Record<keyof ReturnType<typeof tinyParts>, PluginInstance | null>>;
  /** Plugins beside those of the method. */
  readonly more?: readonly PluginInstance[];
  readonly train?: Readonly<Record<string, unknown>>;
  readonly use?: Readonly<Record<string, unknown>>;
  readonly overrides?: readonly string[];
}

/** A host with a mean teacher on two losses, two epochs of three steps. */
export function tinyHost({
  plugins = {},
  more = [],
  train = {},
  use = {},
  overrides = [],
}: TinyHostOptions = {}): Promise<Host<Tensor>> {
  const parts: Record<string, PluginInstance | null> = { ...tinyParts(), ...plugins };
  const config = {
    plugins: [...Object.values(parts).filter((plugin) => plugin !== null), ...more],
    use: { loss: { supervised: 1, consistency: { weight: 1, ramp: 'gaussian' } }, ...use },
    options: { 'optimizer:sgd': { learningRate: 0.05 } },
    seed: 5,
    train: {
      epochs: 2,
      patch: [4, 8, 8],
      batch: { labelled: 2, unlabelled: 2 },
      workers: 0,
      queue: 1,
      stepsPerEpoch: 3,
      keepCheckpoints: 5,
      ...train,
    },
    inference: { overlap: 0, blending: 'uniform' },
  };
  return createHost<Tensor>({ config, base: builtIns, overrides });
}
