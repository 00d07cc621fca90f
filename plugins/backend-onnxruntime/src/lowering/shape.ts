import type { Node } from '../graph/ir.js';
import { type LoweringContext, type LoweringTable, numberAttribute, numbersAttribute } from './context.js';
import type { Emitted, OnnxDType } from './emitter.js';
import { denseLayout, identityLayout, isIdentity, type Layout, physicalAxes, physicalShape } from './layout.js';
import { isDense, type Lowered } from './lowered.js';

/** Axes of length one removed: two shapes that agree here differ only by such axes. */
function squeezed(shape: readonly number[]): string {
  return shape.filter((side) => side !== 1).join();
}

function reshape(ctx: LoweringContext, node: Node, [x]: readonly Lowered[]): readonly Lowered[] {
  const { shape } = node.outputs[0]!;
  return [ctx.result(node, 0, ctx.emitter.reshape(x!.dense(), shape))];
}

/** A permutation of a dense tensor moves nothing: the result is the same memory under another layout. */
function transpose(ctx: LoweringContext, node: Node, [x]: readonly Lowered[]): readonly Lowered[] {
  const perm = numbersAttribute(node, 'perm');
  const source = isDense(x!.primary) ? x!.primary : identityLayout(x!.rank);
  const layout = denseLayout(source.perm.map((axis) => perm.indexOf(axis)));
  return [ctx.result(node, 0, x!.as(source), layout)];
}

/** A constant of one repeated value. Kept as a scalar as long as its consumers broadcast. */
function broadcast(ctx: LoweringContext, node: Node, [x]: readonly Lowered[]): readonly Lowered[] {
  const { shape } = node.outputs[0]!;
  const { emitter } = ctx;
  const lifted = emitter.reshape(x!.dense(), [...new Array<number>(shape.length - x!.rank).fill(1), ...x!.shape]);
  if (lifted.shape.join() === shape.join()) return [ctx.result(node, 0, lifted)];
  return [ctx.result(node, 0, emitter.node('Expand', [lifted, emitter.int64(shape)], {}, shape, lifted.dtype))];
}

/** Layout for an operation along some axes: the operand's own, unless it splits one of them. */
export function layoutKeeping(x: Lowered, axes: readonly number[]): Layout {
  return x.primary.splits.some((axis) => axes.includes(axis)) ? identityLayout(x.rank) : x.primary;
}

function concat(ctx: LoweringContext, node: Node, inputs: readonly Lowered[]): readonly Lowered[] {
  const axis = numberAttribute(node, 'axis');
  const { shape } = node.outputs[0]!;
  const layout = concatLayout(inputs, axis);
  const [physicalAxis] = physicalAxes(layout, axis);
  const parts = inputs.filter((input) => input.shape[axis] !== 0).map((input) => input.as(layout));
  if (parts.length === 1) return [ctx.result(node, 0, parts[0]!, layout)];
  const joined = ctx.emitter.node(
    'Concat',
    parts,
    { axis: physicalAxis! },
    physicalShape(layout, shape),
    parts[0]!.dtype,
  );
  return [ctx.result(node, 0, joined, layout)];
}

/** Blocked tensors are joined along channels block by block when every part is whole blocks. */
function concatLayout(inputs: readonly Lowered[], axis: number): Layout {
  const candidates = inputs.map((input) => input.primary);
  const split = candidates.find((layout) => layout.splits.length > 0);
  if (split) {
    const whole = inputs.every((input) => input.shape[axis]! % split.block === 0);
    if (!split.splits.includes(axis) || whole) return split;
    return identityLayout(inputs[0]!.rank);
  }
  return candidates.find((layout) => !isIdentity(layout)) ?? candidates[0]!;
}

function slice(ctx: LoweringContext, node: Node, [x]: readonly Lowered[]): readonly Lowered[] {
  const begin = numbersAttribute(node, 'begin');
  const { shape } = node.outputs[0]!;
  const moved = x!.shape.flatMap((side, axis) => (begin[axis] !== 0 || shape[axis] !== side ? [axis] : []));
  if (moved.length === 0) return [ctx.result(node, 0, x!.as(x!.primary), x!.primary)];
  const layout = sliceLayout(x!, moved, begin, shape);
  const starts: number[] = [];
  const ends: number[] = [];
  const axes: number[] = [];
  for (const axis of moved) {
    const unit = layout.splits.includes(axis) ? layout.block : 1;
    axes.push(physicalAxes(layout, axis)[0]!);
    starts.push(begin[axis]! / unit);
    ends.push((begin[axis]! + shape[axis]!) / unit);
  }
  const value = emitSlice(ctx, x!.as(layout), starts, ends, axes);
  return [ctx.result(node, 0, value, layout)];
}

function sliceLayout(x: Lowered, moved: readonly number[], begin: readonly number[], shape: readonly number[]): Layout {
  const { primary } = x;
  const whole = moved.every(
    (axis) =>
      !primary.splits.includes(axis) || (begin[axis]! % primary.block === 0 && shape[axis]! % primary.block === 0),
  );
  return whole ? primary : identityLayout(x.rank);
}

export function emitSlice(
  ctx: LoweringContext,
  x: Emitted,
  starts: readonly number[],
  ends: readonly number[],
  axes: readonly number[],
): Emitted {
  const { emitter } = ctx;
  const shape = [...x.shape];
  axes.forEach((axis, index) => {
    shape[axis] = ends[index]! - starts[index]!;
  });
  const inputs = [x, emitter.int64(starts), emitter.int64(ends), emitter.int64(axes)];
  return emitter.node('Slice', inputs, {}, shape, x.dtype);
}

function pad(ctx: LoweringContext, node: Node, [x]: readonly Lowered[]): readonly Lowered[] {
  const before = numbersAttribute(node, 'before');
  const after = numbersAttribute(node, 'after');
  const { shape } = node.outputs[0]!;
  const moved = x!.shape.flatMap((_, axis) => (before[axis] || after[axis] ? [axis] : []));
  const layout = layoutKeeping(x!, moved);
  const source = x!.as(layout);
  const pads = new Array<number>(2 * source.shape.length).fill(0);
  for (const axis of moved) {
    const [physical] = physicalAxes(layout, axis);
    pads[physical!] = before[axis]!;
    pads[physical! + source.shape.length] = after[axis]!;
  }
  const { emitter } = ctx;
  const value = emitter.scalar(numberAttribute(node, 'value'), source.dtype);
  const padded = emitter.node(
    'Pad',
    [source, emitter.int64(pads), value],
    {},
    physicalShape(layout, shape),
    source.dtype,
  );
  return [ctx.result(node, 0, padded, layout)];
}

function tile(ctx: LoweringContext, node: Node, [x]: readonly Lowered[]): readonly Lowered[] {
  const repeats = numbersAttribute(node, 'repeats');
  const { shape } = node.outputs[0]!;
  const { emitter } = ctx;
  const dense = x!.dense();
  const copies = x!.shape.every((side, axis) => side === 1 || repeats[axis] === 1);
  const value = copies
    ? emitter.node('Expand', [dense, emitter.int64(shape)], {}, shape, dense.dtype)
    : emitter.node('Tile', [dense, emitter.int64(repeats)], {}, shape, dense.dtype);
  return [ctx.result(node, 0, value)];
}

/** Class index to one-hot, in channel-first memory where the class axis is last. */
function oneHot(ctx: LoweringContext, node: Node, [indices]: readonly Lowered[]): readonly Lowered[] {
  const { emitter } = ctx;
  const depth = numberAttribute(node, 'depth');
  const { shape, dtype } = node.outputs[0]!;
  const classes = emitter.constant(
    Int32Array.from({ length: depth }, (_, index) => index),
    [1, depth],
    'int32',
  );
  const flat = emitter.reshape(emitter.cast(indices!.dense(), 'int32'), [
    shape.slice(0, -1).reduce((a, b) => a * b, 1),
    1,
  ]);
  const hit = emitter.node('Equal', [flat, classes], {}, [flat.shape[0]!, depth], 'bool');
  const on = numberAttribute(node, 'onValue');
  const off = numberAttribute(node, 'offValue');
  let value = emitter.cast(hit, dtype as OnnxDType);
  if (on !== 1 || off !== 0) {
    value = emitter.node('Where', [hit, emitter.scalar(on, dtype), emitter.scalar(off, dtype)], {}, hit.shape, dtype);
  }
  return [ctx.result(node, 0, emitter.reshape(value, shape))];
}

export { squeezed };

export const shapeLowerings: LoweringTable = {
  Reshape: reshape,
  Transpose: transpose,
  Broadcast: broadcast,
  Concat: concat,
  Slice: slice,
  Pad: pad,
  Tile: tile,
  OneHot: oneHot,
};
