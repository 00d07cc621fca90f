/** Leaky ReLUs that an operation applies to its own result: its attribute `slope`, where 0 is ReLU and 1, or none, nothing. */
import type { Node } from '../graph/ir.js';
import { type LoweringContext, numberAttribute } from './context.js';
import type { EmitAttributes, Emitted } from './emitter.js';
import { relu, unary } from './primitives.js';

export function slopeOf(node: Node): number {
  return node.attributes.slope === undefined ? 1 : numberAttribute(node, 'slope');
}

/** Attributes by which ONNX Runtime's blocked convolutions apply it. */
export function blockedActivation(slope: number): EmitAttributes {
  if (slope === 1) return {};
  return slope === 0 ? { activation: 'Relu' } : { activation: 'LeakyRelu', activation_params: { float: [slope] } };
}

export function leakyRelu(ctx: LoweringContext, x: Emitted, slope: number): Emitted {
  if (slope === 1) return x;
  return slope === 0 ? relu(ctx, x) : unary(ctx, 'LeakyRelu', x, { alpha: { float: slope } });
}
