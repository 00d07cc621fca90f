import type { LoweringContext } from './context.js';
import { product } from './conv-geometry.js';
import type { Emitted } from './emitter.js';
import type { Layout } from './layout.js';

/** Bytes from which on the memory of an operand is worth having. */
const LARGE = 2 ** 26;

/**
 * a + b of large volumes in channel-blocked memory, written over `a` where it dies here: a blocked convolution of b by
 * one with `a` as its summand. ONNX Runtime's own sum always takes memory of its own. The same bits: a product with one
 * and a bias of zero change nothing.
 * @returns nothing where the sum is none of that kind.
 */
export function blockedSum(
  ctx: LoweringContext,
  [a, b]: readonly [Emitted, Emitted],
  layout: Layout,
): Emitted | undefined {
  const { emitter, target } = ctx;
  const { shape, dtype } = a;
  const isBlocked = target.provider === 'cpu' && layout.splits.length === 1 && layout.block === target.block;
  if (!isBlocked || dtype !== 'float32' || shape.length !== 6 || shape.join() !== b.shape.join()) return undefined;
  if (4 * product(shape) < LARGE) return undefined;
  const area = shape[3]! * shape[4]!;
  const lanes = product(shape) / area;
  const rows = (value: Emitted) => emitter.reshape(value, [1, lanes, 1, area]);
  const attributes = {
    kernel_shape: [1, 1],
    strides: [1, 1],
    dilations: [1, 1],
    pads: [0, 0, 0, 0],
    group: lanes,
  };
  const inputs = [rows(b), emitter.float(1, [lanes, 1, 1, 1]), emitter.float(0, [lanes]), rows(a)];
  return emitter.reshape(emitter.blocked('Conv', inputs, attributes, [1, lanes, 1, area]), shape);
}
