import { createCpuBackend } from '@dinomix/backend-cpu';
import { createOps, type GraphStep, type TensorMap } from '@dinomix/trainer';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { createDiffdw } from './diffdw.js';
import { optionsSchema } from './options.js';

await createCpuBackend().setup({ device: 'cpu', threads: null });

const CLASSES = 4;
const VOXELS = 60;

/** Truth: class 3 is in no crop before step 4; class 2 vanishes from step 5 to 8. */
function truthAt(step: number): number[] {
  return Array.from({ length: VOXELS }, (_, voxel) => {
    if (voxel < 10) return 1;
    if (voxel < 16 && (step < 5 || step > 8)) return 2;
    return voxel < 20 && step >= 4 ? 3 : 0;
  });
}

/** The student gets better, then worse; class 2 is never found before step 3. */
function predictedAt(step: number): number[] {
  return truthAt(step).map((label, voxel) => {
    if (label === 2 && step < 3) return 0;
    return (voxel * 7 + step * 3) % 11 < (step < 7 ? 8 - step : step - 4) / 2 ? (label + 1) % CLASSES : label;
  });
}

function logitsOf(labels: readonly number[]): tf.Tensor {
  const rows = labels.flatMap((label) => [0, 1, 2, 3].map((c) => (c === label ? 2 : 0.1 * c)));
  return tf.tensor(rows, [1, 3, 4, 5, CLASSES]);
}

/** (2 TP + s) / (2 TP + FP + FN + 2 s) by counting. */
function diceAt(step: number): number[] {
  const [truth, predicted] = [truthAt(step), predictedAt(step)];
  return [0, 1, 2, 3].map((c) => {
    const both = truth.filter((label, voxel) => label === c && predicted[voxel] === c).length;
    const sizes = truth.filter((label) => label === c).length + predicted.filter((label) => label === c).length;
    return (2 * both + 1e-8) / (sizes + 2e-8);
  });
}

/** The formulas of method.md §4.12 in double precision. */
class Reference {
  dice = [1e-8, 1e-8, 1e-8, 1e-8];
  learned = [0, 0, 0, 0];
  unlearned = [0, 0, 0, 0];
  difficulty = [1, 1, 1, 1];

  weights(now: readonly number[], momentum: number): number[] {
    const speed = now.map((value, c) => Math.log(value / this.dice[c]!));
    const change = now.map((value, c) => value - this.dice[c]!);
    const average = (past: number[], current: number[]) =>
      past.map((p, c) => momentum * p + (1 - momentum) * current[c]!);
    this.learned = average(
      this.learned,
      change.map((d, c) => Math.max(d, 0) * speed[c]!),
    );
    this.unlearned = average(
      this.unlearned,
      change.map((d, c) => Math.min(d, 0) * speed[c]!),
    );
    this.difficulty = average(
      this.difficulty,
      now.map((value) => 1 - value),
    );
    this.dice = [...now];
    const raw = this.difficulty.map((w, c) => ((this.unlearned[c]! + 1e-8) / (this.learned[c]! + 1e-8)) ** 0.2 * w);
    return raw.map((value) => (CLASSES * value) / Math.max(...raw));
  }
}

function contextOf(state: TensorMap, next: Record<string, tf.Tensor>): GraphStep {
  const setState = (name: string, value: tf.Tensor) => {
    next[name] = value;
  };
  return { ops: createOps(), state, setState } as unknown as GraphStep;
}

function startOf(given: Parameters<typeof optionsSchema.parse>[0] = {}) {
  const weighter = createDiffdw(optionsSchema.parse(given));
  const specs = weighter.parameters!({ studentId: 'a', classCount: CLASSES } as never);
  const state = Object.fromEntries(
    specs.map(({ name, initializer }) => [name, tf.fill([CLASSES], (initializer as { value: number }).value)]),
  );
  return { weighter, state };
}

describe('weights', () => {
  it('follow the Dice of the same step over twelve steps, with classes that vanish and come back', () => {
    const { weighter, state: start } = startOf();
    const reference = new Reference();
    let state: TensorMap = start;
    for (let step = 0; step < 12; step++) {
      const expected = reference.weights(diceAt(step), 49 / 50);
      const label = tf.tensor(truthAt(step), [1, 3, 4, 5], 'int32');
      const view = { logits: logitsOf(predictedAt(step)), label, pseudo: null };
      const next: Record<string, tf.Tensor> = {};
      const found = weighter.weigh({ studentId: 'a', views: { labelled: view } }, contextOf(state, next))!;
      found.dataSync().forEach((value, c) => {
        expect(Math.abs(value - expected[c]!), `step ${step}, class ${c}: ${value}, ${expected[c]}`).toBeLessThan(2e-4);
      });
      expect(Math.max(...found.dataSync())).toBeCloseTo(CLASSES, 5);
      state = next;
    }
    // A class that is in neither mask scores one half.
    expect(diceAt(0)[3]).toBeLessThanOrEqual(0.5);
  });

  it('are not divided by the largest where asked', () => {
    const { weighter, state } = startOf({ scale: 'none', exponent: 0, momentum: 0 });
    const label = tf.tensor(truthAt(9), [1, 3, 4, 5], 'int32');
    const view = { logits: logitsOf(predictedAt(9)), label, pseudo: null };
    const found = weighter.weigh({ studentId: 'a', views: { labelled: view } }, contextOf(state, {}))!;
    diceAt(9).forEach((dice, c) => {
      expect(found.dataSync()[c]).toBeCloseTo(CLASSES * (1 - dice), 5);
    });
  });

  it('are finite where every class is perfect', () => {
    const { weighter, state } = startOf({ momentum: 0 });
    const label = tf.tensor(truthAt(9), [1, 3, 4, 5], 'int32');
    const view = { logits: logitsOf(truthAt(9)), label, pseudo: null };
    const found = weighter.weigh({ studentId: 'a', views: { labelled: view } }, contextOf(state, {}))!;
    expect([...found.dataSync()].every(Number.isFinite)).toBe(true);
  });
});
