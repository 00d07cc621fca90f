import { createCpuBackend } from '@dinomix/backend-cpu';
import type { GraphStep, SelectorInputs } from '@dinomix/trainer';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { optionsSchema } from './options.js';
import { createUncertainty } from './uncertainty.js';

await createCpuBackend().setup({ device: 'cpu', threads: null });

const VALUES = [0.1, 0.5, 0.521, 0.53, 0.6, 0.7];

function inputs(maps: Readonly<Record<string, tf.Tensor>>): SelectorInputs {
  const grid = tf.ones([1, 1, 2, 3]);
  const target = {
    label: tf.cast(grid, 'int32'),
    confidence: grid,
    probabilities: null,
    maps,
    weight: tf.mul(grid, 0.5),
  };
  return { studentId: 'net', view: 'unlabelled', target } as unknown as SelectorInputs;
}

const uncertainty = tf.tensor(VALUES, [1, 1, 2, 3, 1]);
const at = (epoch: number) => ({ epoch: tf.scalar(epoch), epochs: 10 }) as unknown as GraphStep;

describe('voxels', () => {
  // T(e) = (0.75 + 0.25 exp(-5 (1 - e / 10)²)) ln 2: 0.52103 at the start, 0.56951 half way, ln 2 = 0.69315 at the end.
  it.each([
    [0, [0.5, 0.5, 0.5, 0, 0, 0]],
    [5, [0.5, 0.5, 0.5, 0.5, 0, 0]],
    [10, [0.5, 0.5, 0.5, 0.5, 0.5, 0]],
  ])('whose uncertainty is below the threshold of epoch %i keep their weight', (epoch, expected) => {
    const selector = createUncertainty(optionsSchema.parse({}));
    const { weight, label } = selector.select(inputs({ uncertainty }), at(epoch));
    expect([...weight.dataSync()]).toEqual(expected);
    expect(label).toBeUndefined();
  });

  it('are measured by another map, in another unit', () => {
    const selector = createUncertainty(optionsSchema.parse({ map: 'spread', from: 0.6, to: 0.6, unit: 1 }));
    expect(selector.needs).toEqual({ maps: ['spread'] });
    const { weight } = selector.select(inputs({ spread: uncertainty }), at(0));
    expect([...weight.dataSync()]).toEqual([0.5, 0.5, 0.5, 0.5, 0, 0]);
  });

  it('are refused without the map, or with several channels', () => {
    const selector = createUncertainty(optionsSchema.parse({}));
    expect(() => selector.select(inputs({}), at(0))).toThrow('has no map "uncertainty"');
    const wide = tf.zeros([1, 1, 2, 3, 2]);
    expect(() => selector.select(inputs({ uncertainty: wide }), at(0))).toThrow('has 2 channels; expected 1');
  });
});
