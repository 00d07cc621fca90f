import type { Node } from '../graph/ir.js';
import {
  booleanAttribute,
  type LoweringContext,
  type LoweringTable,
  numbersAttribute,
  stringAttribute,
} from './context.js';
import { type Emitted, MICROSOFT_DOMAIN } from './emitter.js';
import { physicalAxes, physicalShape } from './layout.js';
import type { Lowered } from './lowered.js';

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

function reduce(ctx: LoweringContext, node: Node, [x]: readonly Lowered[]): readonly Lowered[] {
  const axes = numbersAttribute(node, 'axes');
  const kind = stringAttribute(node, 'kind');
  const { dtype } = node.outputs[0]!;
  const layout = x!.primary;
  const physical = axes.flatMap((axis) => physicalAxes(layout, axis));
  const source = ctx.emitter.cast(x!.as(layout), dtype === 'bool' ? 'int32' : dtype);
  const kept = emitReduce(ctx, `Reduce${kind}`, source, physical);
  const keptShape = x!.shape.map((side, axis) => (axes.includes(axis) ? 1 : side));
  const lowered = ctx.wrap(keptShape, dtype === 'bool' ? 'int32' : dtype, kept, layout);
  if (booleanAttribute(node, 'keepDims')) return [ctx.result(node, 0, kept, layout)];
  return [ctx.result(node, 0, ctx.emitter.reshape(lowered.dense(), node.outputs[0]!.shape))];
}

/** Batched a * b, each optionally transposed in its last two axes. */
function matMul(ctx: LoweringContext, node: Node, [a, b]: readonly Lowered[]): readonly Lowered[] {
  const { emitter, target } = ctx;
  const { shape } = node.outputs[0]!;
  const transA = booleanAttribute(node, 'transposeA');
  const transB = booleanAttribute(node, 'transposeB');
  const left = a!.dense();
  const right = b!.dense();
  if (!transA && !transB) return [ctx.result(node, 0, emitter.node('MatMul', [left, right], {}, shape))];
  if (target.provider === 'cpu') {
    const attributes = { transA: transA ? 1 : 0, transB: transB ? 1 : 0, alpha: { float: 1 } };
    return [
      ctx.result(node, 0, emitter.node('FusedMatMul', [left, right], attributes, shape, 'float32', MICROSOFT_DOMAIN)),
    ];
  }
  const turned = (value: Emitted, turn: boolean) => {
    const rank = value.shape.length;
    const perm = value.shape.map((_, axis) => axis);
    return turn ? emitter.transpose(value, [...perm.slice(0, rank - 2), rank - 1, rank - 2]) : value;
  };
  return [ctx.result(node, 0, emitter.node('MatMul', [turned(left, transA), turned(right, transB)], {}, shape))];
}

export function physicalOf(x: Lowered): readonly number[] {
  return physicalShape(x.primary, x.shape);
}

export const reduceLowerings: LoweringTable = { Reduce: reduce, MatMul: matMul };
