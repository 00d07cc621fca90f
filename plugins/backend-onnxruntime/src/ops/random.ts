import { customGrad, engine, type GradSaveFunc, mul, reshape, type Tensor } from '@tensorflow/tfjs-core';
import type { CounterRandomAttributes, Distribution } from '../kernels/random.js';

export interface CounterRandomOptions {
  /** `uniform` on [0, 1) in steps of 2^-24; `normal` with mean 0 and deviation 1; `bernoulli`, ones and zeros. */
  readonly distribution: Distribution;
  /** Of a one; `bernoulli` only. Default 0.5. It may change from step to step without a new session. */
  readonly probability?: number;
}

/**
 * Random numbers that depend on key and shape alone: not on the engine's state, its threads or its device (`normal` up
 * to the device's rounding of logarithm and sine). The generator is Philox4x32-10; block i of four elements, in
 * row-major order, is its output for the counter (i, 0, key[2], key[3]) and the key (key[0], key[1]).
 *
 * @param key `[2]` to `[4]`, whole numbers, int32 or float32
 * @returns float32 of the given shape
 * @throws Error when the key has another shape, or the shape more than 2^34 elements
 */
export function counterRandom(key: Tensor, shape: readonly number[], options: CounterRandomOptions): Tensor {
  const { distribution, probability } = options;
  const attributes: CounterRandomAttributes = {
    shape: [...shape],
    distribution,
    ...(probability === undefined ? {} : { probability }),
  };
  return engine().runKernel('CounterRandom', { key }, attributes as never) as Tensor;
}

export interface DropoutOptions {
  /** Share of values set to zero, in [0, 1). The rest is divided by (1 - rate). */
  readonly rate: number;
  /** `channel` drops whole channels of an item (PyTorch's Dropout3d), `element` single values. */
  readonly granularity: 'channel' | 'element';
  /** As `counterRandom` takes it. */
  readonly key: Tensor;
}

/**
 * Sets values of `x` [b, ...spatial, c] to zero with probability `rate`. The backward pass draws the mask again instead
 * of keeping it.
 *
 * @throws Error when the rate is outside [0, 1)
 */
export function dropout(x: Tensor, options: DropoutOptions): Tensor {
  const { rate, granularity, key } = options;
  if (!(rate >= 0 && rate < 1)) throw new Error(`dropout: rate ${rate} is not in [0, 1)`);
  if (rate === 0) return x;
  const { shape } = x;
  const keep = { distribution: 'bernoulli', probability: 1 - rate } as const;
  const mask = (own: Tensor): Tensor => {
    if (granularity === 'element') return counterRandom(own, shape, keep);
    const [batch, channels] = [shape[0]!, shape[shape.length - 1]!];
    return reshape(counterRandom(own, [batch, channels], keep), [batch, ...shape.slice(1, -1).map(() => 1), channels]);
  };
  const apply = (value: Tensor, own: Tensor) => mul(value, mul(mask(own), 1 / (1 - rate)));
  const differentiable = customGrad((...args: unknown[]) => {
    const [value, save] = args as [Tensor, GradSaveFunc];
    save([key]);
    return { value: apply(value, key), gradFunc: (dy: Tensor, saved: Tensor[]) => apply(dy, saved[0]!) };
  });
  return differentiable(x) as Tensor;
}
