import { createCpuBackend } from '@dinomix/backend-cpu';
import { createOps, type GraphStep, type TensorMap } from '@dinomix/trainer';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { createDistdw, distributionWeights } from './distdw.js';
import { optionsSchema } from './options.js';

await createCpuBackend().setup({ device: 'cpu', threads: null });

const CLASSES = 4;
const VOXELS = 60;
const LABELLED = [900, 70, 30, 0];

/** w_c = K log(n_max / n_c) / max_k, counts with 1e-8 added, in double precision. */
function formula(counts: readonly number[]): number[] {
  const logs = counts.map((count) => Math.log((Math.max(...counts) + 1e-8) / (count + 1e-8)));
  return logs.map((value) => (CLASSES * value) / Math.max(...logs));
}

/** Classes of the voxels at a step: class 2 vanishes between the steps 3 and 8, class 3 comes at step 6. */
function labelsAt(step: number): number[] {
  return Array.from({ length: VOXELS }, (_, voxel) => {
    if (voxel < 4 + (step % 5)) return 1;
    if (voxel < 12 && (step < 3 || step > 8)) return 2;
    return voxel < 22 && step >= 6 ? 3 : 0;
  });
}

const countsAt = (step: number): number[] => {
  const labels = labelsAt(step);
  return [0, 1, 2, 3].map((c) => labels.filter((label) => label === c).length);
};

function logitsAt(step: number): tf.Tensor {
  const rows = labelsAt(step).flatMap((label) => [0, 1, 2, 3].map((c) => (c === label ? 2 : 0.1 * c)));
  return tf.tensor(rows, [1, 3, 4, 5, CLASSES]);
}

function contextOf(state: TensorMap, next: Record<string, tf.Tensor>): GraphStep {
  return {
    ops: createOps(),
    state,
    setState: (name: string, value: tf.Tensor) => {
      next[name] = value;
    },
  } as unknown as GraphStep;
}

const build = {
  studentId: 'b',
  classCount: CLASSES,
  dataset: { labelledVoxels: LABELLED },
  epochs: 1,
  stepsPerEpoch: 12,
};

describe('weights', () => {
  it('start at the labelled voxels: the most frequent class weighs nothing', () => {
    const [spec] = createDistdw(optionsSchema.parse({})).parameters!(build as never);
    const { values } = spec!.initializer as { readonly values: readonly number[] };
    expect(values[0]).toBe(0);
    formula(LABELLED).forEach((value, index) => {
      expect(values[index]).toBeCloseTo(value, 12);
    });
    // By hand: log(900 / 70) and log(900 / 30) over log(900 / 1e-8), times 4.
    expect(values[1]).toBeCloseTo((4 * 2.553899) / 25.222996, 4);
    expect(values[2]).toBeCloseTo((4 * 3.401197) / 25.222996, 4);
    expect(values[3]).toBeCloseTo(4, 12);
  });

  it('follow the predictions of the same step over twelve steps, with classes that vanish and come back', () => {
    const weighter = createDistdw(optionsSchema.parse({ momentum: 0.9 }));
    let expected = formula(LABELLED);
    let state: TensorMap = { weights: tf.tensor1d(expected) };
    for (let step = 0; step < 12; step++) {
      const current = formula(countsAt(step));
      expected = expected.map((past, index) => 0.9 * past + 0.1 * current[index]!);
      const next: Record<string, tf.Tensor> = {};
      const view = { logits: logitsAt(step), label: null, pseudo: null };
      const found = weighter.weigh({ studentId: 'b', views: { unlabelled: view } }, contextOf(state, next))!;
      found.dataSync().forEach((value, index) => {
        expect(value, `step ${step}, class ${index}`).toBeCloseTo(expected[index]!, 5);
      });
      state = next;
    }
    expect(countsAt(5)[2]).toBe(0);
    expect(countsAt(11)[2]).toBeGreaterThan(0);
  });

  it('stay without unlabelled crops', () => {
    const weights = tf.tensor1d([1, 2, 3, 4]);
    const weighter = createDistdw(optionsSchema.parse({}));
    expect(weighter.weigh({ studentId: 'b', views: {} }, contextOf({ weights }, {}))).toBe(weights);
  });

  it('are 0 where all classes are equally frequent, not 0 / 0', () => {
    expect(distributionWeights([5, 5, 5])).toEqual([0, 0, 0]);
  });
});

it('acts on the students that are named', () => {
  expect(createDistdw(optionsSchema.parse({ students: ['b'] })).students).toEqual(['b']);
  expect(createDistdw(optionsSchema.parse({})).students).toBeNull();
});
