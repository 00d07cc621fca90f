import type { Node } from '../graph/ir.js';
import { type LoweringContext, type LoweringTable, numberAttribute, numbersAttribute } from './context.js';
import type { Emitted } from './emitter.js';
import { type Layout, physicalAxes, physicalShape } from './layout.js';
import type { Lowered } from './lowered.js';
import { takeAt } from './primitives.js';
import { layoutKeeping } from './shape.js';

function pad(ctx: LoweringContext, node: Node, [x, constant]: readonly Lowered[]): readonly Lowered[] {
  const before = numbersAttribute(node, 'before');
  const after = numbersAttribute(node, 'after');
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
  const shape = physicalShape(layout, node.outputs[0]!.shape);
  const inputs = [source, emitter.int64(pads), constant!.dense()];
  return [ctx.result(node, 0, emitter.node('Pad', inputs, {}, shape, source.dtype), layout)];
}

function take(ctx: LoweringContext, node: Node, [x]: readonly Lowered[]): readonly Lowered[] {
  const axis = numberAttribute(node, 'axis');
  const layout = layoutKeeping(x!, [axis]);
  const [physical] = physicalAxes(layout, axis);
  return [ctx.result(node, 0, takeAt(ctx, x!.as(layout), physical!, numbersAttribute(node, 'positions')), layout)];
}

/** End of a slice that runs backwards through the first element: before any index of ONNX. */
const BEFORE_FIRST = -(2 ** 31);

function strided(
  ctx: LoweringContext,
  x: Lowered,
  layout: Layout,
  axes: readonly number[],
  begin: readonly number[],
  strides: readonly number[],
  shape: readonly number[],
): Emitted {
  const { emitter } = ctx;
  const ends = axes.map((axis) => {
    const end = begin[axis]! + strides[axis]! * shape[axis]!;
    return end < 0 ? BEFORE_FIRST : end;
  });
  const lists = [axes.map((axis) => begin[axis]!), ends, axes.map((axis) => physicalAxes(layout, axis)[0]!)];
  const inputs = [...lists, axes.map((axis) => strides[axis]!)].map((list) => emitter.int64(list));
  const source = x.as(layout);
  return emitter.node('Slice', [source, ...inputs], {}, physicalShape(layout, shape), source.dtype);
}

function stridedSlice(ctx: LoweringContext, node: Node, [x]: readonly Lowered[]): readonly Lowered[] {
  const begin = numbersAttribute(node, 'begin');
  const strides = numbersAttribute(node, 'strides');
  const { shape } = node.outputs[0]!;
  const axes = x!.shape.flatMap((side, axis) => (strides[axis] !== 1 || shape[axis] !== side ? [axis] : []));
  const layout = layoutKeeping(x!, axes);
  if (axes.length === 0) return [ctx.result(node, 0, x!.as(layout), layout)];
  return [ctx.result(node, 0, strided(ctx, x!, layout, axes, begin, strides, shape), layout)];
}

function reverse(ctx: LoweringContext, node: Node, [x]: readonly Lowered[]): readonly Lowered[] {
  const axes = numbersAttribute(node, 'axes');
  const layout = layoutKeeping(x!, axes);
  const begin = x!.shape.map((side) => side - 1);
  const strides = x!.shape.map(() => -1);
  return [ctx.result(node, 0, strided(ctx, x!, layout, axes, begin, strides, x!.shape), layout)];
}

function tile(ctx: LoweringContext, node: Node, [x]: readonly Lowered[]): readonly Lowered[] {
  const { emitter } = ctx;
  const repeats = emitter.int64(numbersAttribute(node, 'repeats'));
  const source = x!.dense();
  return [ctx.result(node, 0, emitter.node('Tile', [source, repeats], {}, node.outputs[0]!.shape, source.dtype))];
}

export const rearrangeLowerings: LoweringTable = {
  Pad: pad,
  Take: take,
  StridedSlice: stridedSlice,
  Reverse: reverse,
  Tile: tile,
};
