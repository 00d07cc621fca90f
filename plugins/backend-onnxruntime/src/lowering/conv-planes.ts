/**
 * Planes of channel-blocked memory [b, c/B, d, h, w, B], as ONNX Runtime's internal two-dimensional operators take them.
 * Depth costs no copy: (d, h) is read as one tall axis with one zero row after each plane; `halo` adds that row and one
 * zero column on each side, so that rows and planes never run into their neighbours.
 */
import type { Node } from '../graph/ir.js';
import type { LoweringContext } from './context.js';
import type { Emitted } from './emitter.js';
import { blockedLayout, type Layout } from './layout.js';
import type { Lowered } from './lowered.js';

/** Name of the form that still holds the garbage row after each plane. Memory [b * c/B * d, h + 1, w * B]. */
export const SEPARATED = 'separated';

export interface Sides {
  readonly batch: number;
  readonly depth: number;
  readonly height: number;
  readonly width: number;
}

/** Sides of a volume; an image is a volume of one plane. */
export function sidesOf(batch: number, spatial: readonly number[]): Sides {
  const [depth, height, width] = spatial.length === 3 ? spatial : [1, ...spatial];
  return { batch, depth: depth!, height: height!, width: width! };
}

export function blockedOf(ctx: LoweringContext, rank: number): Layout {
  return blockedLayout(rank, ctx.target.block);
}

export function gather(ctx: LoweringContext, x: Emitted, indices: readonly number[], axis: number): Emitted {
  const shape = x.shape.map((side, index) => (index === axis ? indices.length : side));
  return ctx.emitter.node('Gather', [x, ctx.emitter.int64(indices)], { axis }, shape, x.dtype);
}

/** Memory [b * c/B * d, h + 1, (w + 2) * inner] with zeros in the added row and columns. */
export function halo(ctx: LoweringContext, planes: Emitted, inner: number): Emitted {
  return inner === 1 ? padPlanes(ctx, planes) : spreadPlanes(ctx, planes, 1);
}

function padPlanes(ctx: LoweringContext, planes: Emitted): Emitted {
  const { emitter } = ctx;
  const [count, height, row] = planes.shape as [number, number, number];
  return emitter.node('Pad', [planes, emitter.int64([0, 0, 1, 0, 1, 1]), emitter.float(0)], {}, [
    count,
    height + 1,
    row + 2,
  ]);
}

/**
 * Adds one zero row below each plane and `columns` zero columns on either side. A depthwise product by one whose padding
 * is larger than its kernel needs: the same copy as ONNX's Pad, which runs on one thread.
 */
export function spreadPlanes(ctx: LoweringContext, planes: Emitted, columns: number): Emitted {
  const { emitter, target } = ctx;
  const [count, height, row] = planes.shape as [number, number, number];
  const lanes = count * target.block;
  const width = row / target.block;
  const image = emitter.reshape(planes, [1, lanes, height, width]);
  const attributes = {
    kernel_shape: [1, 1],
    strides: [1, 1],
    dilations: [1, 1],
    pads: [0, columns, 1, columns],
    group: lanes,
  };
  const shape = [1, lanes, height + 1, width + 2 * columns];
  const value = emitter.blocked('Conv', [image, emitter.float(1, [lanes, 1, 1, 1])], attributes, shape);
  return emitter.reshape(value, [count, height + 1, (width + 2 * columns) * target.block]);
}

export function planesOf(ctx: LoweringContext, x: Lowered, channels: number, s: Sides): Emitted {
  const { block } = ctx.target;
  return ctx.emitter.reshape(x.as(blockedOf(ctx, x.rank)), [
    (s.batch * channels * s.depth) / block,
    s.height,
    s.width * block,
  ]);
}

/** Wraps the chain's output: garbage rows are cut off unless the consumer does that itself. */
export function separatedResult(ctx: LoweringContext, node: Node, value: Emitted, s: Sides, channels: number): Lowered {
  const { emitter } = ctx;
  const { block } = ctx.target;
  const rank = node.outputs[0]!.shape.length;
  const planes = (s.batch * channels * s.depth) / block;
  const separated = emitter.reshape(value, [planes, s.height + 1, s.width * block]);
  // A gather copies rows on all threads; a slice on one.
  const clean = gather(
    ctx,
    separated,
    Array.from({ length: s.height }, (_, row) => row),
    1,
  );
  const result = ctx.result(
    node,
    0,
    emitter.reshape(clean, [s.batch, channels / block, s.depth, s.height, s.width, block]),
    blockedOf(ctx, rank),
  );
  result.extras.set(SEPARATED, separated);
  return result;
}

/** Memory order [blocks, b, ...] out of [b, blocks, ...]: samples are groups, channel blocks are the batch. */
export function groupsInside(ctx: LoweringContext, planes: Emitted, samples: number, blocks: number): Emitted {
  if (samples === 1 || blocks === 1) return planes;
  const size = planes.shape.reduce((a, b) => a * b, 1);
  const flat = ctx.emitter.reshape(planes, [samples * blocks, size / (samples * blocks)]);
  const order = Array.from(
    { length: samples * blocks },
    (_, index) => (index % samples) * blocks + Math.floor(index / samples),
  );
  return ctx.emitter.reshape(gather(ctx, flat, order, 0), planes.shape);
}

/** Which axes of a filter are split, and the order of the split axes in the gradient's memory. */
export interface FilterMemory {
  readonly splits: readonly [number, number];
  readonly perm: readonly number[];
}

/** Labels the gradient's memory. With one input channel (`inner` 1) only the output channels are split. */
export function filterResult(
  ctx: LoweringContext,
  node: Node,
  memory: Emitted,
  inner: number,
  { splits, perm }: FilterMemory,
): Lowered {
  const { block } = ctx.target;
  if (inner !== 1) return ctx.result(node, 0, memory, { splits, block, perm });
  const removed = splits[0] + 1;
  const whole = perm.filter((axis) => axis !== removed).map((axis) => (axis > removed ? axis - 1 : axis));
  const shape = memory.shape.filter((_, index) => perm[index] !== removed);
  return ctx.result(node, 0, ctx.emitter.reshape(memory, shape), { splits: [splits[1]], block, perm: whole });
}
