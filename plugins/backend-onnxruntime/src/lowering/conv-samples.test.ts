import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { differentiate, relativeError, useEngine, values } from '../../test/engine-harness.js';
import { partsOf } from './conv-samples.js';

const SIDES = [8, 224, 224];
const CHANNELS = 32;

/** Convolution and its gradients over these samples; the weights of the sum differ everywhere. */
function convolved(samples: readonly number[]) {
  const images = () => tf.concat(samples.map((seed) => values([1, ...SIDES, CHANNELS], seed)));
  const weights = () => tf.concat(samples.map((seed) => values([1, ...SIDES, CHANNELS], seed + 50)));
  const program = (x: tf.Tensor, filter: tf.Tensor) =>
    tf.sum(tf.mul(tf.conv3d(x as tf.Tensor5D, filter as tf.Tensor5D, 1, 'same'), weights()));
  return differentiate(program as never, () => [images(), values([3, 3, 3, CHANNELS, CHANNELS], 9, 0.2)]);
}

describe('convolutions with large transforms', () => {
  it('are parted, and give what their samples give one by one', async () => {
    // 2 tiles of 6 components, 73.5 MiB of transforms a sample: three would fit, and two divide four.
    expect(partsOf({ batch: 4, input: SIDES } as never, CHANNELS)).toBe(2);
    expect(partsOf({ batch: 2, input: SIDES } as never, CHANNELS)).toBe(1);
    await useEngine();
    const together = convolved([1, 2, 3, 4]);
    const alone = [1, 2, 3, 4].map((sample) => convolved([sample]));
    expect(together.value[0]).toBeCloseTo(
      alone.reduce((sum, { value }) => sum + value[0]!, 0),
      0,
    );
    const size = together.gradients[0]!.length / 4;
    alone.forEach(({ gradients: [dx] }, sample) => {
      expect(relativeError(together.gradients[0]!.slice(sample * size, (sample + 1) * size), dx!)).toBeLessThan(1e-6);
    });
    const filter = alone[0]!.gradients[1]!.map((_, index) =>
      alone.reduce((sum, { gradients }) => sum + gradients[1]![index]!, 0),
    );
    expect(relativeError(together.gradients[1]!, filter)).toBeLessThan(1e-5);
  });
});
