import type { DropoutOptions } from '@dinomix/core';
import { cast, greaterEqual, mul, reshape, type Tensor } from '@tensorflow/tfjs-core';
import { uniform } from './random.js';

/**
 * Sets values of `x` [b, d, h, w, c] to zero with probability `rate` and divides the rest by (1 - rate). The mask depends
 * on key and shape alone.
 * @throws Error when the rate is outside [0, 1).
 */
export function dropout(x: Tensor, options: DropoutOptions<Tensor>): Tensor {
  const { rate, granularity, key } = options;
  if (!(rate >= 0 && rate < 1)) throw new Error(`dropout: rate ${rate} is not in [0, 1)`);
  if (rate === 0) return x;
  const [batch, depth, height, width, channels] = x.shape as [number, number, number, number, number];
  const draws =
    granularity === 'channel'
      ? reshape(uniform([1, 1, batch, channels], key), [batch, 1, 1, 1, channels])
      : reshape(uniform([batch * depth, height, width, channels], key), x.shape);
  return mul(x, mul(cast(greaterEqual(draws, rate), 'float32'), 1 / (1 - rate)));
}
