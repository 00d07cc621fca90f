import type { Node } from '../graph/ir.js';
import { type LoweringContext, type LoweringTable, numberAttribute, stringAttribute } from './context.js';
import type { Emitted } from './emitter.js';
import { channelFirstLayout, identityLayout, type Layout, physicalAxes, physicalShape } from './layout.js';
import type { Lowered } from './lowered.js';
import type { OnnxDType } from './onnx-dtype.js';
import { compare, where } from './primitives.js';
import { layoutKeeping } from './shape.js';

/** Rows of x along one axis, in x's own memory. */
function gather(ctx: LoweringContext, node: Node, [x, indices]: readonly Lowered[]): readonly Lowered[] {
  const axis = numberAttribute(node, 'axis');
  const layout = layoutKeeping(x!, [axis]);
  const source = x!.as(layout);
  const [physical] = physicalAxes(layout, axis);
  const ids = ctx.emitter.cast(indices!.dense(), 'int32');
  const shape = physicalShape(layout, node.outputs[0]!.shape);
  return [
    ctx.result(node, 0, ctx.emitter.node('Gather', [source, ids], { axis: physical! }, shape, source.dtype), layout),
  ];
}

function gatherNd(ctx: LoweringContext, node: Node, [params, indices]: readonly Lowered[]): readonly Lowered[] {
  const source = params!.dense();
  const ids = ctx.emitter.cast(indices!.dense(), 'int64');
  const value = ctx.emitter.node('GatherND', [source, ids], {}, node.outputs[0]!.shape, source.dtype);
  return [ctx.result(node, 0, value)];
}

/** Table [rows, size] with updates [n, size] written to, or added to, the rows given. One thread: always the same sum. */
function scatter(ctx: LoweringContext, node: Node, [table, rows, updates]: readonly Lowered[]): readonly Lowered[] {
  const { emitter } = ctx;
  const target = table!.dense();
  const values = emitter.cast(updates!.dense(), target.dtype);
  const [count, size] = values.shape as [number, number];
  const column = emitter.reshape(emitter.cast(rows!.dense(), 'int64'), [count, 1]);
  const spread =
    size === 1 ? column : emitter.node('Expand', [column, emitter.int64([count, size])], {}, [count, size], 'int64');
  const attributes = { axis: 0, reduction: stringAttribute(node, 'reduction') };
  const value = emitter.node('ScatterElements', [target, spread, values], attributes, target.shape, target.dtype);
  return [ctx.result(node, 0, value)];
}

function topK(ctx: LoweringContext, node: Node, [x]: readonly Lowered[]): readonly Lowered[] {
  const { emitter } = ctx;
  const { shape } = node.outputs[0]!;
  const dense = x!.dense();
  const source = dense.dtype === 'bool' ? emitter.cast(dense, 'int32') : dense;
  const outputs = [
    { shape, dtype: source.dtype },
    { shape, dtype: 'int64' as const },
  ];
  const count = emitter.int64([numberAttribute(node, 'k')]);
  const attributes = { axis: -1, largest: 1, sorted: 1 };
  const [values, positions] = emitter.nodeOutputs('TopK', [source, count], attributes, outputs);
  return [ctx.result(node, 0, values!), ctx.result(node, 1, positions!)];
}

/** Class index to one-hot; images come out channel-first in memory, as convolutions and losses want them. */
function oneHot(ctx: LoweringContext, node: Node, [indices, on, off]: readonly Lowered[]): readonly Lowered[] {
  const { emitter } = ctx;
  const depth = numberAttribute(node, 'depth');
  const { shape, dtype } = node.outputs[0]!;
  const rank = shape.length;
  const layout: Layout = rank >= 4 ? channelFirstLayout(rank) : identityLayout(rank);
  const [channelAxis] = physicalAxes(layout, rank - 1);
  const classes = emitter.constant(
    Int32Array.from({ length: depth }, (_, index) => index),
    shape.map((_, axis) => (axis === channelAxis ? depth : 1)),
    'int32',
  );
  const lifted = [...indices!.shape];
  lifted.splice(channelAxis!, 0, 1);
  const ids = emitter.reshape(emitter.cast(indices!.dense(), 'int32'), lifted);
  const hit: Emitted = compare(ctx, 'Equal', ids, classes);
  const value = on && off ? where(ctx, hit, on.dense(), off.dense()) : emitter.cast(hit, dtype as OnnxDType);
  return [ctx.result(node, 0, value, layout)];
}

export const indexingLowerings: LoweringTable = {
  Gather: gather,
  GatherNd: gatherNd,
  Scatter: scatter,
  TopK: topK,
  OneHot: oneHot,
};
