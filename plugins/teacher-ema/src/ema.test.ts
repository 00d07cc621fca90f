import { createCpuBackend } from '@dinomix/backend-cpu';
import type { ParameterSpec } from '@dinomix/core';
import type {
  RunningStudent,
  StudentNetwork,
  StudentPass,
  TeacherSlot,
  TeacherStep,
  TensorMap,
} from '@dinomix/trainer';
import { createOps, createPass } from '@dinomix/trainer';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { createEma } from './ema.js';
import { optionsSchema } from './options.js';

await createCpuBackend().setup({ device: 'cpu', threads: null });

const spec = (name: string, trainable: boolean): ParameterSpec => ({
  name,
  shape: [2],
  initializer: { kind: 'constant', value: 0 },
  trainable,
  decay: trainable,
});

/** Logits = image * weight + (training ? key : mean), over two classes. */
const network: StudentNetwork = {
  parameters: [spec('weight', true), spec('mean', false)],
  features: {},
  multiple: [1, 1, 1],
  forward: (x, weights, pass) => {
    const shift = pass.training ? tf.slice(pass.dropoutKey('place'), [0], [2]) : weights.mean!;
    pass.updateBuffer('mean', shift);
    return { logits: tf.add(tf.mul(x, weights.weight!), shift), features: {} };
  },
};

function student(id: string, weight: readonly number[], mean: readonly number[]): RunningStudent {
  const pass = (training: boolean): StudentPass => ({
    ...createPass(id, training, tf.zeros([4])),
    dropoutKey: () => {
      throw new Error('the teacher draws under keys of its own');
    },
    updateBuffer: () => {
      throw new Error('the teacher does not store running statistics');
    },
  });
  return { id, model: network, weights: { weight: tf.tensor1d([...weight]), mean: tf.tensor1d([...mean]) }, pass };
}

function step(
  iteration: number,
  students: readonly RunningStudent[],
  state: TensorMap,
  next: Record<string, tf.Tensor> = {},
): TeacherStep {
  const unused = (): never => {
    throw new Error('not traceable');
  };
  return {
    students,
    state,
    iteration: tf.scalar(iteration),
    epoch: tf.scalar(0),
    progress: tf.scalar(0),
    epochs: 10,
    stepsPerEpoch: 4,
    key: (purpose) => tf.tensor1d([purpose.length, 0, 0, purpose.charCodeAt(purpose.length - 1)]),
    ops: createOps(),
    setState: (name, value) => {
      next[name] = value;
    },
    report: unused,
    tensor: unused,
    host: unused,
  };
}

async function open(students: readonly RunningStudent[], given: Parameters<typeof optionsSchema.parse>[0] = {}) {
  const teacher = createEma(optionsSchema.parse(given));
  await teacher.open!({ students } as Parameters<NonNullable<TeacherSlot['open']>>[0]);
  return teacher;
}

const numbers = (tensor: tf.Tensor | undefined): number[] => [...tensor!.dataSync()];

describe('parameters', () => {
  it('are those of every student, under its id, and are not trained', async () => {
    const teacher = await open([student('a', [0, 0], [0, 0]), student('b', [0, 0], [0, 0])]);
    const specs = teacher.parameters!();
    expect(specs.map(({ name }) => name)).toEqual(['a/weight', 'a/mean', 'b/weight', 'b/mean']);
    expect(specs.some(({ trainable, decay }) => trainable || decay)).toBe(false);
  });
});

describe('update', () => {
  const zeros = () => ({ 'net/weight': tf.tensor1d([1, 2]), 'net/mean': tf.tensor1d([10, 20]) });

  it.each([
    // a = min(1 - 1 / (i + 1), 0.9): 0, 1/2, 3/4 and, from step 9 on, 0.9.
    [0, [5, 6]],
    [1, [3, 4]],
    [3, [2, 3]],
    [9, [1.4, 2.4]],
    [1000, [1.4, 2.4]],
  ])('at step %i', async (iteration, expected) => {
    const teacher = await open([student('net', [5, 6], [0, 0])], { decay: 0.9 });
    const next: Record<string, tf.Tensor> = {};
    teacher.update!(step(iteration, [student('net', [5, 6], [0, 0])], zeros(), next));
    const found = numbers(next['net/weight']);
    expect(found[0]).toBeCloseTo(expected[0]!, 5);
    expect(found[1]).toBeCloseTo(expected[1]!, 5);
  });

  it('makes the mean of all student weights so far while it warms up', async () => {
    const teacher = await open([student('net', [0, 0], [0, 0])]);
    let weights: TensorMap = zeros();
    const history = [
      [1, 0],
      [4, 2],
      [1, 7],
    ];
    history.forEach((values, iteration) => {
      const next: Record<string, tf.Tensor> = {};
      teacher.update!(step(iteration, [student('net', values, values)], weights, next));
      weights = next;
    });
    expect(numbers(weights['net/weight'])[0]).toBeCloseTo(2, 5);
    expect(numbers(weights['net/mean'])[1]).toBeCloseTo(3, 5);
  });

  it('copies buffers where asked, and starts at the decay without warm-up', async () => {
    const students = [student('net', [5, 6], [30, 40])];
    const teacher = await open(students, { decay: 0.75, buffers: 'copy', warmUp: false });
    const next: Record<string, tf.Tensor> = {};
    teacher.update!(step(0, students, zeros(), next));
    expect(numbers(next['net/mean'])).toEqual([30, 40]);
    expect(numbers(next['net/weight'])).toEqual([2, 3]);
  });
});

describe('predict', () => {
  const students = [student('a', [9, 9], [9, 9]), student('b', [9, 9], [9, 9])];
  const weights = () => ({
    'a/weight': tf.tensor1d([1, 0]),
    'a/mean': tf.tensor1d([0, 2]),
    'b/weight': tf.tensor1d([0, 0]),
    'b/mean': tf.tensor1d([0, 0]),
  });
  const host = () => ({ crops: [], data: Float32Array.of(3) });
  const unlabelled = { image: tf.tensor([3], [1, 1, 1, 1, 1]), outputs: {}, host };

  it('gives each student the softmax of its own averaged network', async () => {
    const teacher = await open(students);
    const answer = await teacher.predict({ unlabelled }, step(0, students, weights()));
    expect(Object.keys(answer)).toEqual(['unlabelled']);
    const { a, b } = answer.unlabelled!.probabilities!;
    // Logits [3, 2]: softmax = 1 / (1 + e^-1).
    expect(numbers(a)[0]).toBeCloseTo(1 / (1 + Math.exp(-1)), 6);
    expect(numbers(b)).toEqual([0.5, 0.5]);
    expect(a!.shape).toEqual([1, 1, 1, 1, 2]);
  });

  it('draws dropout under a key of its own in training mode', async () => {
    const teacher = await open(students, { mode: 'training' });
    const answer = await teacher.predict({ unlabelled }, step(0, students, weights()));
    // Key 'a/place' has 7 characters: logits [3 + 7, 0].
    expect(numbers(answer.unlabelled!.probabilities!.a)[0]).toBeCloseTo(1 / (1 + Math.exp(-10)), 6);
  });
});

describe('noise', () => {
  const students = [student('a', [9, 9], [9, 9])];
  /** Logits [x, 0]. */
  const weights = () => ({ 'a/weight': tf.tensor1d([1, 0]), 'a/mean': tf.tensor1d([0, 0]) });
  const image = tf.fill([1, 2, 8, 8, 1], 3);
  const unlabelled = { image, outputs: {}, host: () => ({ crops: [], data: new Float32Array(128) }) };
  /** x of probabilities 1 / (1 + exp(-x)). */
  const xOf = (p: number) => Math.log(p / (1 - p));

  it('is normal, cut off at its limit, and the same for the same key', async () => {
    const teacher = await open(students, { noise: { deviation: 0.1, limit: 0.2 } });
    const said = async () => {
      const answer = await teacher.predict({ unlabelled }, step(0, students, weights()));
      const first = tf.slice(answer.unlabelled!.probabilities!.a!, [0, 0, 0, 0, 0], [-1, -1, -1, -1, 1]);
      return numbers(first).map((p) => xOf(p) - 3);
    };
    const drawn = await said();
    expect(await said()).toEqual(drawn);
    expect(Math.max(...drawn.map(Math.abs))).toBeLessThan(0.2 + 1e-5);
    const mean = drawn.reduce((a, b) => a + b) / drawn.length;
    const deviation = Math.sqrt(drawn.reduce((sum, value) => sum + (value - mean) ** 2, 0) / drawn.length);
    // Of 128 numbers: mean within four standard errors of 0, deviation of a normal cut off at two of its own about 0.096.
    expect(Math.abs(mean)).toBeLessThan(0.036);
    expect(Math.abs(deviation - 0.096)).toBeLessThan(0.025);
  });

  it('gives the entropy of the mean of several passes as a map', async () => {
    const given = { noise: { deviation: 1, limit: 2 }, uncertaintyPasses: 4 } as const;
    const teacher = await open(students, given);
    expect(teacher.produces.maps).toEqual(['uncertainty']);
    const seen: number[][] = [];
    const listening = {
      ...network,
      forward: (...args: Parameters<StudentNetwork['forward']>) => {
        seen.push(numbers(args[0]));
        return network.forward(...args);
      },
    };
    const heard = [{ ...students[0]!, model: listening }];
    const answer = await teacher.predict({ unlabelled }, step(0, heard, weights()));
    expect(seen).toHaveLength(5);
    expect(new Set(seen.map((one) => one.join())).size).toBe(5);
    const found = answer.unlabelled!.maps!.a!.uncertainty!;
    expect(found.shape).toEqual([1, 2, 8, 8, 1]);
    numbers(found)
      .slice(0, 20)
      .forEach((value, voxel) => {
        // The first pass is the target's; the other four make the mean.
        const p = seen.slice(1).reduce((sum, one) => sum + 1 / (1 + Math.exp(-one[voxel]!)), 0) / 4;
        expect(value).toBeCloseTo(-p * Math.log(p + 1e-6) - (1 - p) * Math.log(1 - p + 1e-6), 5);
      });
  });
});

describe('options', () => {
  it('count epochs while the share grows, and leave the student to be tested', async () => {
    const teacher = await open([student('net', [5, 6], [0, 0])], { decay: 0.9, warmUp: 'epoch', evaluate: false });
    const next: Record<string, tf.Tensor> = {};
    const state = { 'net/weight': tf.tensor1d([1, 2]), 'net/mean': tf.tensor1d([0, 0]) };
    teacher.update!({ ...step(1000, [student('net', [5, 6], [0, 0])], state, next), epoch: tf.scalar(1) });
    expect(numbers(next['net/weight'])).toEqual([3, 4]);
    expect(teacher.evaluationWeights!('net', { state })).toBeNull();
  });
});

it('evaluation takes the averaged weights under the student’s own names', async () => {
  const teacher = await open([student('net', [0, 0], [0, 0])]);
  const weights = { 'net/weight': tf.tensor1d([1, 2]), 'other/weight': tf.tensor1d([3, 4]) };
  expect(teacher.evaluationWeights!('net', { state: weights })).toEqual({ weight: weights['net/weight'] });
  expect(teacher.evaluationWeights!('none', { state: weights })).toBeNull();
});
