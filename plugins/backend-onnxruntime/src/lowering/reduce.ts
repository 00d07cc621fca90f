import type { Node } from '../graph/ir.js';
import {
  booleanAttribute,
  type LoweringContext,
  type LoweringTable,
  numberAttribute,
  numbersAttribute,
  stringAttribute,
} from './context.js';
import type { Emitted } from './emitter.js';
import { physicalAxes } from './layout.js';
import type { Lowered } from './lowered.js';
import { binary, compare, isNan, keepNan, unary, where } from './primitives.js';
import { layoutKeeping } from './shape.js';

export function emitReduce(
  ctx: LoweringContext,
  opType: string,
  x: Emitted,
  axes: readonly number[],
  keepDims = true,
): Emitted {
  const sorted = [...axes].sort((a, b) => a - b);
  const kept = x.shape.map((side, axis) => (sorted.includes(axis) ? 1 : side));
  const shape = keepDims ? kept : x.shape.filter((_, axis) => !sorted.includes(axis));
  if (sorted.length === 0) return x;
  const keepdims = keepDims ? 1 : 0;
  return ctx.emitter.node(opType, [x, ctx.emitter.int64(sorted)], { keepdims }, shape, x.dtype);
}

/** Sum over an axis, which is gone afterwards; one of a single element is no work. */
export function sumAway(ctx: LoweringContext, x: Emitted, axis: number): Emitted {
  if (x.shape[axis]! > 1) return emitReduce(ctx, 'ReduceSum', x, [axis], false);
  return ctx.emitter.reshape(
    x,
    x.shape.filter((_, index) => index !== axis),
  );
}

/** ONNX Runtime's maximum and minimum skip NaN; TensorFlow.js's do not. */
function extremeWithNan(ctx: LoweringContext, opType: string, x: Emitted, axes: readonly number[]): Emitted {
  const extreme = emitReduce(ctx, opType, x, axes);
  const anyNan = emitKind(ctx, 'Any', isNan(ctx, x), axes);
  return where(ctx, anyNan, ctx.emitter.float(Number.NaN), extreme);
}

function emitKind(ctx: LoweringContext, kind: string, x: Emitted, axes: readonly number[]): Emitted {
  const { emitter } = ctx;
  if (kind === 'All' || kind === 'Any') {
    const opType = kind === 'All' ? 'ReduceMin' : 'ReduceMax';
    if (ctx.target.provider === 'cpu') return emitReduce(ctx, opType, emitter.cast(x, 'bool'), axes);
    // GPUs reduce no booleans.
    const flags = emitReduce(ctx, opType, emitter.cast(emitter.cast(x, 'bool'), 'int32'), axes);
    return emitter.cast(flags, 'bool');
  }
  if (x.dtype === 'float32' && (kind === 'Max' || kind === 'Min')) return extremeWithNan(ctx, `Reduce${kind}`, x, axes);
  return emitReduce(ctx, `Reduce${kind}`, x, axes);
}

function reduce(ctx: LoweringContext, node: Node, [x]: readonly Lowered[]): readonly Lowered[] {
  const axes = numbersAttribute(node, 'axes');
  const kind = stringAttribute(node, 'kind');
  const { dtype, shape } = node.outputs[0]!;
  const layout = x!.primary;
  const physical = axes.flatMap((axis) => physicalAxes(layout, axis));
  const source = ctx.emitter.cast(x!.as(layout), dtype === 'bool' ? 'int32' : dtype);
  const kept = emitKind(ctx, kind, source, physical);
  if (booleanAttribute(node, 'keepDims')) return [ctx.result(node, 0, kept, layout)];
  const keptShape = x!.shape.map((side, axis) => (axes.includes(axis) ? 1 : side));
  const lowered = ctx.wrap(keptShape, dtype, ctx.emitter.cast(kept, dtype), layout);
  return [ctx.result(node, 0, ctx.emitter.reshape(lowered.dense(), shape))];
}

function position(ctx: LoweringContext, kind: string, x: Emitted, axis: number): Emitted {
  const shape = x.shape.map((side, index) => (index === axis ? 1 : side));
  return ctx.emitter.node(kind, [x], { axis, keepdims: 1 }, shape, 'int64');
}

/** The smallest index whose element equals the extreme: ONNX's own operation returns 64-bit numbers, which WebGPU lacks. */
function firstHit(ctx: LoweringContext, kind: string, x: Emitted, axis: number): Emitted {
  const { emitter } = ctx;
  const side = x.shape[axis]!;
  const extreme = emitReduce(ctx, kind === 'ArgMax' ? 'ReduceMax' : 'ReduceMin', x, [axis]);
  const indices = emitter.constant(
    Int32Array.from({ length: side }, (_, index) => index),
    x.shape.map((_, index) => (index === axis ? side : 1)),
    'int32',
  );
  const hits = where(ctx, compare(ctx, 'Equal', x, extreme), indices, emitter.scalar(side, 'int32'));
  return emitReduce(ctx, 'ReduceMin', hits, [axis]);
}

/** Position of the first largest or smallest element; NaN never wins. */
function argReduce(ctx: LoweringContext, node: Node, [x]: readonly Lowered[]): readonly Lowered[] {
  const { emitter } = ctx;
  const axis = numberAttribute(node, 'axis');
  const kind = stringAttribute(node, 'kind');
  const layout = layoutKeeping(x!, [axis]);
  let source = x!.as(layout);
  if (source.dtype === 'bool') source = emitter.cast(source, 'int32');
  if (source.dtype === 'float32') {
    const loser = emitter.float(kind === 'ArgMax' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY);
    source = where(ctx, isNan(ctx, source), loser, source);
  }
  const [physical] = physicalAxes(layout, axis);
  const found =
    ctx.target.provider === 'webgpu' ? firstHit(ctx, kind, source, physical!) : position(ctx, kind, source, physical!);
  const kept = x!.shape.map((side, index) => (index === axis ? 1 : side));
  const lowered = ctx.wrap(kept, 'int32', emitter.cast(found, 'int32'), layout);
  return [ctx.result(node, 0, emitter.reshape(lowered.dense(), node.outputs[0]!.shape))];
}

/** Composed: ONNX Runtime's own Softmax is slow on any axis but the last one of memory. */
function softmax(ctx: LoweringContext, node: Node, [x]: readonly Lowered[]): readonly Lowered[] {
  const layout = layoutKeeping(x!, [x!.rank - 1]);
  const source = ctx.emitter.cast(x!.as(layout), 'float32');
  const axes = physicalAxes(layout, x!.rank - 1);
  const shifted = binary(ctx, 'Sub', source, emitReduce(ctx, 'ReduceMax', source, axes));
  const exponentials = keepNan(ctx, shifted, unary(ctx, 'Exp', shifted));
  const value = binary(ctx, 'Div', exponentials, emitReduce(ctx, 'ReduceSum', exponentials, axes));
  return [ctx.result(node, 0, value, layout)];
}

export const reduceLowerings: LoweringTable = { Reduce: reduce, ArgReduce: argReduce, Softmax: softmax };
