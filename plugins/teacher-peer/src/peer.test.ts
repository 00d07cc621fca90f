import { createCpuBackend } from '@dinomix/backend-cpu';
import type { RunningStudent, StudentNetwork, TeacherSetup, TeacherStep } from '@dinomix/trainer';
import { createPass } from '@dinomix/trainer';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { optionsSchema } from './options.js';
import { createPeer } from './peer.js';

await createCpuBackend().setup({ device: 'cpu', threads: null });

/** Two classes with logits [weight · image, 0], plus 1 in training. */
const network: StudentNetwork = {
  parameters: [],
  features: {},
  multiple: [1, 1, 1],
  forward: (x, weights, pass) => {
    pass.updateBuffer('mean', x);
    const first = tf.add(tf.mul(x, weights.weight!), pass.training ? 1 : 0);
    return { logits: tf.concat([first, tf.zerosLike(first)], 4), features: {} };
  },
};

function student(id: string, weight: number): RunningStudent {
  const updateBuffer = (): never => {
    throw new Error('the teaching pass must not store running statistics');
  };
  const dropoutKey = (): tf.Tensor => tf.tensor1d([0, 0, 0, 0]);
  const pass = (training: boolean) => ({ ...createPass(id, training, tf.zeros([4])), dropoutKey, updateBuffer });
  return { id, model: network, weights: { weight: tf.scalar(weight) }, pass };
}

const image = tf.tensor([2], [1, 1, 1, 1, 1]);
const host = () => ({ crops: [], data: Float32Array.of(2) });
/** What the students said in the pass of the step: logits [5, 0] and [-3, 0]. */
const said = (logit: number) => ({ logits: tf.tensor([logit, 0], [1, 1, 1, 1, 2]), features: {} });
const part = { image, outputs: { a: said(5), b: said(-3) }, host };
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

async function answer(students: readonly RunningStudent[], given: z.input<typeof optionsSchema> = {}) {
  const teacher = createPeer(optionsSchema.parse(given));
  await teacher.open!({ students } as unknown as TeacherSetup);
  return teacher.predict({ labelled: part, unlabelled: part }, { students } as unknown as TeacherStep);
}

const first = (tensor: tf.Tensor | undefined): number => tensor!.dataSync()[0]!;

describe('two students', () => {
  it('teach each other by what they say in the step, without a pass of their own', async () => {
    const silent = (id: string): RunningStudent => ({
      ...student(id, 1),
      pass: () => {
        throw new Error('asked for another pass');
      },
    });
    const { labelled } = await answer([silent('a'), silent('b')]);
    expect(first(labelled!.probabilities!.a)).toBeCloseTo(sigmoid(-3), 6);
    expect(first(labelled!.probabilities!.b)).toBeCloseTo(sigmoid(5), 6);
  });

  it('teach each other on both parts, as they train, in a pass of their own', async () => {
    const { labelled, unlabelled } = await answer([student('a', 1), student('b', -1)], { mode: 'training' });
    for (const { probabilities } of [labelled!, unlabelled!]) {
      expect(first(probabilities!.a)).toBeCloseTo(sigmoid(-2 + 1), 6);
      expect(first(probabilities!.b)).toBeCloseTo(sigmoid(2 + 1), 6);
      expect(probabilities!.a!.shape).toEqual([1, 1, 1, 1, 2]);
    }
  });

  it('in evaluation mode speak without dropout and batch statistics', async () => {
    const { unlabelled } = await answer([student('a', 1), student('b', -1)], { mode: 'evaluation' });
    expect(first(unlabelled!.probabilities!.a)).toBeCloseTo(sigmoid(-2), 6);
  });
});

it('of three students each is taught by the mean of the other two', async () => {
  const { labelled } = await answer([student('a', 1), student('b', -1), student('c', 3)], { mode: 'training' });
  expect(first(labelled!.probabilities!.a)).toBeCloseTo((sigmoid(-1) + sigmoid(7)) / 2, 6);
});

it('one student alone is refused with the cure', async () => {
  await expect(answer([student('a', 1)])).rejects.toThrow(
    "the config has 1. Use two, for example plugins: [vnet().as('a')",
  );
});
