import type { Node } from '../graph/ir.js';
import { booleanAttribute, type LoweringContext, type LoweringTable, stringAttribute } from './context.js';
import { type Emitted, MICROSOFT_DOMAIN } from './emitter.js';
import { denseLayout, sameLayout } from './layout.js';
import type { Lowered } from './lowered.js';

function swapped(ctx: LoweringContext, value: Emitted, swap: boolean): Emitted {
  if (!swap) return value;
  const rank = value.shape.length;
  const perm = value.shape.map((_, axis) => axis);
  return ctx.emitter.transpose(value, [...perm.slice(0, rank - 2), rank - 1, rank - 2]);
}

interface Operand {
  readonly value: Emitted;
  readonly transposed: boolean;
}

/** The operand as it lies in memory: where its last two axes are exchanged there, the product exchanges them. */
function operandOf(x: Lowered, transposed: boolean): Operand {
  const { rank } = x;
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  const exchanged = denseLayout([...axes.slice(0, -2), rank - 1, rank - 2]);
  return sameLayout(x.primary, exchanged)
    ? { value: x.as(exchanged), transposed: !transposed }
    : { value: x.dense(), transposed };
}

/** Batched a * b, each optionally transposed in its last two axes. */
function matMul(ctx: LoweringContext, node: Node, [a, b]: readonly Lowered[]): readonly Lowered[] {
  const { emitter, target } = ctx;
  const { shape, dtype } = node.outputs[0]!;
  const left = operandOf(a!, booleanAttribute(node, 'transposeA'));
  const right = operandOf(b!, booleanAttribute(node, 'transposeB'));
  const values = [left, right].map(({ value }) => emitter.cast(value, dtype));
  if ((left.transposed || right.transposed) && dtype === 'float32' && target.provider === 'cpu') {
    const attributes = {
      transA: left.transposed ? 1 : 0,
      transB: right.transposed ? 1 : 0,
      alpha: { float: 1 },
    };
    const value = emitter.node('FusedMatMul', values, attributes, shape, dtype, MICROSOFT_DOMAIN);
    return [ctx.result(node, 0, value)];
  }
  const operands = [swapped(ctx, values[0]!, left.transposed), swapped(ctx, values[1]!, right.transposed)];
  return [ctx.result(node, 0, emitter.node('MatMul', operands, {}, shape, dtype))];
}

function einsum(ctx: LoweringContext, node: Node, inputs: readonly Lowered[]): readonly Lowered[] {
  const { shape, dtype } = node.outputs[0]!;
  const operands = inputs.map((input) => ctx.emitter.cast(input.dense(), dtype));
  const value = ctx.emitter.node('Einsum', operands, { equation: stringAttribute(node, 'equation') }, shape, dtype);
  return [ctx.result(node, 0, value)];
}

export const matMulLowerings: LoweringTable = { MatMul: matMul, Einsum: einsum };
