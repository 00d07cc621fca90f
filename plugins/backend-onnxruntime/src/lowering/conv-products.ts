/**
 * Gradients of convolutions from matrix products and plain convolutions alone, for providers that lack what the CPU
 * lowering rests on: WebGPU refuses grouped convolutions and transposed convolutions over three axes, and on a GPU a
 * convolution whose kernel is a whole image leaves most of the machine idle.
 */
import type { Node } from '../graph/ir.js';
import type { LoweringContext } from './context.js';
import { type ConvGeometry, product } from './conv-geometry.js';
import type { Emitted } from './emitter.js';
import { denseLayout } from './layout.js';
import type { Lowered } from './lowered.js';
import { emitReduce } from './reduce.js';

/** Zeros around the given axes; negative amounts crop. */
function padOrCrop(
  ctx: LoweringContext,
  x: Emitted,
  axes: readonly number[],
  before: readonly number[],
  after: readonly number[],
): Emitted {
  const starts = before.map((side) => Math.max(0, -side));
  const ends = after.map((side, index) => x.shape[axes[index]!]! - Math.max(0, -side));
  const cropped = strided(ctx, x, axes, starts, ends);
  const pads = new Array<number>(2 * x.shape.length).fill(0);
  axes.forEach((axis, index) => {
    pads[axis] = Math.max(0, before[index]!);
    pads[axis + x.shape.length] = Math.max(0, after[index]!);
  });
  if (pads.every((side) => side === 0)) return cropped;
  const { emitter } = ctx;
  const shape = cropped.shape.map((side, axis) => side + pads[axis]! + pads[axis + x.shape.length]!);
  return emitter.node('Pad', [cropped, emitter.int64(pads), emitter.float(0)], {}, shape);
}

/** Every `steps`-th element from `starts` to before `ends`. */
function strided(
  ctx: LoweringContext,
  x: Emitted,
  axes: readonly number[],
  starts: readonly number[],
  ends: readonly number[],
  steps: readonly number[] = axes.map(() => 1),
): Emitted {
  const { emitter } = ctx;
  const shape = [...x.shape];
  axes.forEach((axis, index) => {
    shape[axis] = Math.ceil((ends[index]! - starts[index]!) / steps[index]!);
  });
  if (shape.join() === x.shape.join()) return x;
  const inputs = [x, emitter.int64(starts), emitter.int64(ends), emitter.int64(axes), emitter.int64(steps)];
  return emitter.node('Slice', inputs, {}, shape);
}

/** All positions of a kernel, last axis fastest. */
function tapsOf(kernel: readonly number[]): number[][] {
  let taps: number[][] = [[]];
  for (const side of kernel) {
    taps = taps.flatMap((tap) => Array.from({ length: side }, (_, position) => [...tap, position]));
  }
  return taps;
}

/**
 * Gradient with respect to the filter, one batched matrix product per kernel position: with x read at that position,
 * dW[position, i, o] = sum over samples and voxels of x[i] dy[o]. The batch is (sample, first spatial axis): partial
 * sums are short, so rounding stays small and a GPU has enough independent work.
 */
export function filterFromProducts(
  ctx: LoweringContext,
  node: Node,
  g: ConvGeometry,
  x: Lowered,
  dy: Lowered,
): Lowered {
  const { emitter } = ctx;
  const rank = g.kernel.length;
  const later = Array.from({ length: rank - 1 }, (_, axis) => axis + 2);
  const planes = x.as(denseLayout([0, 1, rank + 1, ...later]));
  const axes = [1, ...later.map((axis) => axis + 1)];
  const span = g.output.map((side, axis) => (side - 1) * g.strides[axis]! + 1);
  const reach = g.kernel.map((side, axis) => (side - 1) * g.dilations[axis]!);
  const after = span.map((side, axis) => side + reach[axis]! - g.input[axis]! - g.padBefore[axis]!);
  const padded = padOrCrop(ctx, planes, axes, g.padBefore, after);
  const batch = g.batch * g.output[0]!;
  const voxels = product(g.output.slice(1));
  const right = emitter.reshape(dy.dense(), [batch, voxels, g.outChannels]);
  const products = tapsOf(g.kernel).map((tap) => {
    const starts = tap.map((position, axis) => position * g.dilations[axis]!);
    const ends = starts.map((start, axis) => start + span[axis]!);
    const read = strided(ctx, padded, axes, starts, ends, g.strides);
    const left = emitter.reshape(read, [batch, g.inChannels, voxels]);
    const value = emitter.node('MatMul', [left, right], {}, [batch, g.inChannels, g.outChannels]);
    return emitReduce(ctx, 'ReduceSum', value, [0]);
  });
  const shape = [products.length, g.inChannels, g.outChannels];
  const stacked = products.length === 1 ? products[0]! : emitter.node('Concat', products, { axis: 0 }, shape);
  return ctx.result(node, 0, emitter.reshape(stacked, node.outputs[0]!.shape));
}

/**
 * dy [b, o, ...output] of a strided convolution as that of one with stride 1: zeros between the elements. Shape
 * [b, o, ...(output - 1) * stride + 1].
 */
export function withoutStride(ctx: LoweringContext, g: ConvGeometry, dy: Emitted): Emitted {
  const { emitter } = ctx;
  const [batch, channels] = dy.shape as [number, number];
  const apart = emitter.reshape(dy, [batch, channels, ...g.output.flatMap((side) => [side, 1])]);
  const gaps = g.strides.map((_, axis) => 2 * axis + 3);
  const none = gaps.map(() => 0);
  const spread = padOrCrop(
    ctx,
    apart,
    gaps,
    none,
    g.strides.map((stride) => stride - 1),
  );
  const grown = g.output.map((side, axis) => side * g.strides[axis]!);
  const flat = emitter.reshape(spread, [batch, channels, ...grown]);
  const spatial = g.strides.map((_, axis) => axis + 2);
  return padOrCrop(
    ctx,
    flat,
    spatial,
    none,
    g.strides.map((stride) => 1 - stride),
  );
}
