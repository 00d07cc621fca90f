/**
 * Gradients of pooling, one window position at a time, from slices and padding alone. For GPUs: WebGPU's pooling gives no
 * positions of maxima and has no transposed convolution over three axes, and a scattered sum has no fixed order there.
 */
import type { LoweringContext } from './context.js';
import type { Emitted } from './emitter.js';
import type { PoolWindows } from './pool-windows.js';
import { binary, compare } from './primitives.js';
import { padOrCrop, spreadApart, strided, tapsOf } from './windows.js';

function axesOf(pool: PoolWindows): number[] {
  return pool.kernel.map((_, axis) => axis + 2);
}

/** [b, c, ...output] at one position of every window, as a tensor [b, c, ...input] that is zero elsewhere. */
function place(ctx: LoweringContext, value: Emitted, pool: PoolWindows, tap: readonly number[]): Emitted {
  const spread = spreadApart(ctx, value, pool.strides);
  const before = tap.map((position, axis) => position - pool.before[axis]!);
  const after = pool.input.map((side, axis) => side - spread.shape[axis + 2]! - before[axis]!);
  return padOrCrop(ctx, spread, axesOf(pool), before, after);
}

/** Sum over window positions of `value`, each put where it came from: [b, c, ...output] to [b, c, ...input]. */
export function spreadOverWindows(ctx: LoweringContext, value: Emitted, pool: PoolWindows): Emitted {
  const placed = tapsOf(pool.kernel).map((tap) => place(ctx, value, pool, tap));
  return placed.reduce((sum, item) => binary(ctx, 'Add', sum, item));
}

/** Gradient of the maximum y of x: dy goes to the first position of each window where x equals y. */
export function maxGradientByTaps(
  ctx: LoweringContext,
  pool: PoolWindows,
  dy: Emitted,
  x: Emitted,
  y: Emitted,
): Emitted {
  const { emitter } = ctx;
  const axes = axesOf(pool);
  const padded = padOrCrop(ctx, x, axes, pool.before, pool.after, Number.NEGATIVE_INFINITY);
  const span = pool.output.map((side, axis) => (side - 1) * pool.strides[axis]! + 1);
  let open: Emitted | undefined;
  const placed = tapsOf(pool.kernel).map((tap) => {
    const ends = tap.map((position, axis) => position + span[axis]!);
    const read = strided(ctx, padded, axes, tap, ends, pool.strides);
    const equal = emitter.cast(compare(ctx, 'Equal', read, y), 'float32');
    const hit = open ? binary(ctx, 'Mul', equal, open) : equal;
    open = open ? binary(ctx, 'Sub', open, hit) : binary(ctx, 'Sub', emitter.float(1), hit);
    return place(ctx, binary(ctx, 'Mul', hit, dy), pool, tap);
  });
  return placed.reduce((sum, item) => binary(ctx, 'Add', sum, item));
}
