import type { Node } from '../graph/ir.js';
import { booleanAttribute, type LoweringContext, type LoweringTable, stringAttribute } from './context.js';
import { type Emitted, MICROSOFT_DOMAIN } from './emitter.js';
import type { Lowered } from './lowered.js';

function swapped(ctx: LoweringContext, value: Emitted, swap: boolean): Emitted {
  if (!swap) return value;
  const rank = value.shape.length;
  const perm = value.shape.map((_, axis) => axis);
  return ctx.emitter.transpose(value, [...perm.slice(0, rank - 2), rank - 1, rank - 2]);
}

/** Batched a * b, each optionally transposed in its last two axes. */
function matMul(ctx: LoweringContext, node: Node, [a, b]: readonly Lowered[]): readonly Lowered[] {
  const { emitter, target } = ctx;
  const { shape, dtype } = node.outputs[0]!;
  const transA = booleanAttribute(node, 'transposeA');
  const transB = booleanAttribute(node, 'transposeB');
  const left = emitter.cast(a!.dense(), dtype);
  const right = emitter.cast(b!.dense(), dtype);
  if ((transA || transB) && dtype === 'float32' && target.provider === 'cpu') {
    const attributes = { transA: transA ? 1 : 0, transB: transB ? 1 : 0, alpha: { float: 1 } };
    const value = emitter.node('FusedMatMul', [left, right], attributes, shape, dtype, MICROSOFT_DOMAIN);
    return [ctx.result(node, 0, value)];
  }
  const operands = [swapped(ctx, left, transA), swapped(ctx, right, transB)];
  return [ctx.result(node, 0, emitter.node('MatMul', operands, {}, shape, dtype))];
}

function einsum(ctx: LoweringContext, node: Node, inputs: readonly Lowered[]): readonly Lowered[] {
  const { shape, dtype } = node.outputs[0]!;
  const operands = inputs.map((input) => ctx.emitter.cast(input.dense(), dtype));
  const value = ctx.emitter.node('Einsum', operands, { equation: stringAttribute(node, 'equation') }, shape, dtype);
  return [ctx.result(node, 0, value)];
}

export const matMulLowerings: LoweringTable = { MatMul: matMul, Einsum: einsum };
