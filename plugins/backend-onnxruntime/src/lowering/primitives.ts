/** Single ONNX operations with the shape of their result worked out, for lowerings that compose many of them. */
import type { LoweringContext } from './context.js';
import type { EmitAttributes, Emitted, OnnxDType } from './emitter.js';

/** NumPy's rule on memory shapes. */
export function broadcastShape(operands: readonly Emitted[]): number[] {
  const rank = Math.max(0, ...operands.map((operand) => operand.shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sides = operands.map((operand) => operand.shape[axis - rank + operand.shape.length] ?? 1);
    return sides.includes(0) ? 0 : Math.max(...sides);
  });
}

export function unary(ctx: LoweringContext, opType: string, x: Emitted, attributes: EmitAttributes = {}): Emitted {
  return ctx.emitter.node(opType, [x], attributes, x.shape, x.dtype);
}

/**
 * Whether NaN can be asked for where the graph runs. WebGPU's shaders need not honour NaN and its provider has no IsNaN,
 * so that asking would only move the work to the CPU.
 */
export function honoursNan(ctx: LoweringContext): boolean {
  return ctx.target.provider !== 'webgpu';
}

/** IsNaN, IsInf, Not. */
export function test(ctx: LoweringContext, opType: string, x: Emitted): Emitted {
  return ctx.emitter.node(opType, [x], {}, x.shape, 'bool');
}

export function binary(
  ctx: LoweringContext,
  opType: string,
  a: Emitted,
  b: Emitted,
  attributes: EmitAttributes = {},
): Emitted {
  return ctx.emitter.node(opType, [a, b], attributes, broadcastShape([a, b]), a.dtype);
}

/** Equal, Less, Greater, And, Or and their like. */
export function compare(ctx: LoweringContext, opType: string, a: Emitted, b: Emitted): Emitted {
  return ctx.emitter.node(opType, [a, b], {}, broadcastShape([a, b]), 'bool');
}

/** ONNX Runtime has no choice between booleans: they pass through bytes. */
export function where(ctx: LoweringContext, condition: Emitted, yes: Emitted, no: Emitted): Emitted {
  const { emitter } = ctx;
  const held: OnnxDType = yes.dtype === 'bool' ? 'uint8' : yes.dtype;
  const operands = [condition, emitter.cast(yes, held), emitter.cast(no, held)];
  return emitter.cast(emitter.node('Where', operands, {}, broadcastShape(operands), held), yes.dtype);
}

/** x on axis `axis` taken at constant positions. */
export function takeAt(ctx: LoweringContext, x: Emitted, axis: number, positions: readonly number[]): Emitted {
  const shape = x.shape.map((side, index) => (index === axis ? positions.length : side));
  return ctx.emitter.node('Gather', [x, ctx.emitter.int64(positions)], { axis }, shape, x.dtype);
}
