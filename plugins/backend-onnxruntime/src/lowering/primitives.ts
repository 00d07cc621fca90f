/** Single ONNX operations with the shape of their result worked out, for lowerings that compose many of them. */
import type { LoweringContext } from './context.js';
import type { EmitAttributes, Emitted } from './emitter.js';
import type { OnnxDType } from './onnx-dtype.js';

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

/** IsInf, Not. */
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

/** WebGPU's provider has no IsNaN. There x is compared with itself, read twice, so that no compiler takes the answer for granted. */
export function isNan(ctx: LoweringContext, x: Emitted): Emitted {
  if (ctx.target.provider !== 'webgpu') return test(ctx, 'IsNaN', x);
  return test(ctx, 'Not', compare(ctx, 'Equal', x, x));
}

/** y, but NaN where x is NaN: functions of WebGPU's shaders need not honour it, comparisons and choices do. */
export function keepNan(ctx: LoweringContext, x: Emitted, y: Emitted): Emitted {
  if (ctx.target.provider !== 'webgpu' || x.dtype !== 'float32') return y;
  return where(ctx, compare(ctx, 'Equal', x, x), y, x);
}

/** max(x, 0); shaders may take the number of two where one is NaN, but x < 0 is false for it. */
export function relu(ctx: LoweringContext, x: Emitted): Emitted {
  if (ctx.target.provider !== 'webgpu' || x.dtype !== 'float32') return unary(ctx, 'Relu', x);
  const zero = ctx.emitter.float(0);
  return where(ctx, compare(ctx, 'Less', x, zero), zero, x);
}

/** log(x); shaders leave open what it is below zero. */
export function log(ctx: LoweringContext, x: Emitted): Emitted {
  const value = unary(ctx, 'Log', x);
  if (ctx.target.provider !== 'webgpu') return value;
  const { emitter } = ctx;
  return where(ctx, compare(ctx, 'GreaterOrEqual', x, emitter.float(0)), value, emitter.float(Number.NaN));
}

/** x on axis `axis` taken at constant positions. */
export function takeAt(ctx: LoweringContext, x: Emitted, axis: number, positions: readonly number[]): Emitted {
  const shape = x.shape.map((side, index) => (index === axis ? positions.length : side));
  return ctx.emitter.node('Gather', [x, ctx.emitter.int64(positions)], { axis }, shape, x.dtype);
}

/** x backwards along `axis`. */
export function reversed(ctx: LoweringContext, x: Emitted, axis: number): Emitted {
  const side = x.shape[axis]!;
  if (side === 1) return x;
  const positions = Array.from({ length: side }, (_, index) => side - 1 - index);
  return takeAt(ctx, x, axis, positions);
}
