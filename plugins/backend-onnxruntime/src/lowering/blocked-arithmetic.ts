/** Sums and products of large volumes in channel-blocked memory by ONNX Runtime's blocked convolutions. */
import type { LoweringContext } from './context.js';
import { product } from './conv-geometry.js';
import type { Emitted } from './emitter.js';
import type { Layout } from './layout.js';

/** Bytes from which on the memory of an operand is worth having. */
const LARGE = 2 ** 26;

/** Whether a tensor [b, d, c/B, h, w, B] is worth it. */
function isLarge({ target }: LoweringContext, { shape, dtype }: Emitted, layout: Layout): boolean {
  const isBlocked = target.provider === 'cpu' && layout.splits.length === 1 && layout.block === target.block;
  return isBlocked && dtype === 'float32' && shape.length === 6 && 4 * product(shape) >= LARGE;
}

/** Channels of planes, each multiplied by its element of `factors`, with a vector of shifts and a summand. */
function convolveLanes(
  { emitter }: LoweringContext,
  x: Emitted,
  factors: Emitted,
  ...rest: readonly Emitted[]
): Emitted {
  const area = x.shape[3]! * x.shape[4]!;
  const lanes = product(x.shape) / area;
  const [shift, summand] = rest;
  const rows = (value: Emitted) => emitter.reshape(value, [1, lanes, 1, area]);
  const attributes = { kernel_shape: [1, 1], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], group: lanes };
  const inputs = [rows(x), emitter.reshape(factors, [lanes, 1, 1, 1]), shift, summand && rows(summand)];
  return emitter.reshape(emitter.blocked('Conv', inputs, attributes, [1, lanes, 1, area]), x.shape);
}

/**
 * a + b, written over `a` where it dies here: a blocked convolution of b by one with `a` as its summand. ONNX Runtime's
 * own sum always takes memory of its own. The same bits: a product with one and a bias of zero change nothing.
 * @returns nothing where the sum is none of that kind.
 */
export function blockedSum(
  ctx: LoweringContext,
  [a, b]: readonly [Emitted, Emitted],
  layout: Layout,
): Emitted | undefined {
  if (a.shape.join() !== b.shape.join() || !isLarge(ctx, a, layout)) return undefined;
  const lanes = product(a.shape) / (a.shape[3]! * a.shape[4]!);
  const { emitter } = ctx;
  return convolveLanes(ctx, b, emitter.float(1, [lanes]), emitter.float(0, [lanes]), a);
}

/**
 * A volume times one number per channel, the same for all samples or not: ONNX Runtime's own product broadcasts runs as
 * short as a block.
 * @returns nothing where the product is none of that kind.
 */
export function blockedScale(
  ctx: LoweringContext,
  [a, b]: readonly [Emitted, Emitted],
  layout: Layout,
): Emitted | undefined {
  const [x, factors] = product(a.shape) < product(b.shape) ? [b, a] : [a, b];
  if (!isLarge(ctx, x, layout) || factors.shape.length !== 6 || factors.dtype !== 'float32') return undefined;
  const [batch, depth, blocks, , , block] = x.shape as [number, number, number, number, number, number];
  const [own] = factors.shape as [number];
  const wanted = [own, 1, blocks, 1, 1, block];
  if (factors.shape.join() !== wanted.join() || (own !== 1 && own !== batch)) return undefined;
  const { emitter } = ctx;
  const spread = [batch, depth, blocks * block];
  const column = emitter.reshape(factors, [own, 1, blocks * block]);
  return convolveLanes(ctx, x, emitter.node('Expand', [column, emitter.int64(spread)], {}, spread));
}
