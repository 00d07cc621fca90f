/**
 * Volumes that are others times one number for each channel ({@link Lowered.scaled}) in convolutions: the filter, or its
 * gradient, is multiplied in their place, which is smaller.
 */
import type { LoweringContext } from './context.js';
import { product } from './conv-geometry.js';
import type { Lowered, Scaled } from './lowered.js';
import { binary } from './primitives.js';

/** Elements of a volume for one of the filter from which on the exchange is worth it. */
const LARGER = 8;

export function scaledBeside(volume: Lowered, filter: readonly number[]): Scaled | undefined {
  return product(volume.shape) >= LARGER * product(filter) ? volume.scaled : undefined;
}

/** A filter [...kernel, i, o] times one number for each channel along an axis from the end: -2 or -1. */
export function scaleChannels(ctx: LoweringContext, filter: Lowered, axis: -2 | -1, { factors }: Scaled): Lowered {
  const { primary, rank } = filter;
  const shape = filter.shape.map((side, index) => (index === rank + axis ? side : 1));
  const column = ctx.wrap(shape, 'float32', ctx.emitter.reshape(factors.dense(), shape));
  const value = binary(ctx, 'Mul', filter.as(primary), column.as(primary));
  return ctx.wrap(filter.shape, 'float32', value, primary);
}
