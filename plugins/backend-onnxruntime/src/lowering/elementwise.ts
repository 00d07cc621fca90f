import type { GraphDType, Node } from '../graph/ir.js';
import { type LoweringContext, type LoweringTable, numberAttribute, stringAttribute } from './context.js';
import type { Emitted, OnnxDType } from './emitter.js';
import { admits, identityLayout, type Layout, physicalShape } from './layout.js';
import type { Lowered } from './lowered.js';

/** Layout in which an elementwise operation runs: that of a full-size operand, a split one first. */
export function elementwiseLayout(shape: readonly number[], operands: readonly Lowered[]): Layout {
  const full = operands.filter((operand) => operand.shape.join() === shape.join());
  const split = full.find((operand) => operand.primary.splits.length > 0);
  const chosen = split ?? full.find((operand) => operand.primary.perm.some((axis, index) => axis !== index)) ?? full[0];
  return chosen?.primary ?? identityLayout(shape.length);
}

/** The operand as a tensor that broadcasts against memory of `layout`. */
export function broadcastOperand(
  ctx: LoweringContext,
  operand: Lowered,
  layout: Layout,
  shape: readonly number[],
): Emitted {
  if (operand.rank === 0 || (operand.shape.every((side) => side === 1) && operand.rank <= shape.length)) {
    return ctx.emitter.reshape(operand.dense(), []);
  }
  if (operand.rank === shape.length && admits(layout, operand.shape)) return operand.as(layout);
  const padded = [...new Array<number>(shape.length - operand.rank).fill(1), ...operand.shape];
  const lifted = ctx.wrap(padded, operand.dtype, ctx.emitter.reshape(operand.dense(), padded));
  return lifted.as(layout);
}

const UNARY: Readonly<Record<string, string>> = {
  Abs: 'Abs',
  Neg: 'Neg',
  Exp: 'Exp',
  Log: 'Log',
  Sqrt: 'Sqrt',
  Reciprocal: 'Reciprocal',
  Floor: 'Floor',
  Ceil: 'Ceil',
  Sin: 'Sin',
  Cos: 'Cos',
  Tan: 'Tan',
  Asin: 'Asin',
  Acos: 'Acos',
  Atan: 'Atan',
  Sinh: 'Sinh',
  Cosh: 'Cosh',
  Asinh: 'Asinh',
  Acosh: 'Acosh',
  Atanh: 'Atanh',
  Tanh: 'Tanh',
  Sigmoid: 'Sigmoid',
  Erf: 'Erf',
  Softplus: 'Softplus',
  Relu: 'Relu',
  LogicalNot: 'Not',
  IsNan: 'IsNaN',
  IsInf: 'IsInf',
  Round: 'Round',
  Sign: 'Sign',
  Identity: 'Identity',
};

const BINARY: Readonly<Record<string, string>> = {
  Add: 'Add',
  Sub: 'Sub',
  Multiply: 'Mul',
  RealDiv: 'Div',
  Pow: 'Pow',
};

const COMPARE: Readonly<Record<string, string>> = {
  Equal: 'Equal',
  Greater: 'Greater',
  GreaterEqual: 'GreaterOrEqual',
  Less: 'Less',
  LessEqual: 'LessOrEqual',
  LogicalAnd: 'And',
  LogicalOr: 'Or',
};

type Compute = (ctx: LoweringContext, operands: readonly Emitted[], shape: readonly number[], node: Node) => Emitted;

/** Runs a computation on all operands in one common layout. */
function elementwise(compute: Compute, operandType?: (node: Node) => OnnxDType | undefined) {
  return (ctx: LoweringContext, node: Node, inputs: readonly Lowered[]): readonly Lowered[] => {
    const { shape } = node.outputs[0]!;
    const layout = elementwiseLayout(shape, inputs);
    const wanted = operandType?.(node);
    const operands = inputs.map((input) => {
      const operand = broadcastOperand(ctx, input, layout, shape);
      return wanted ? ctx.emitter.cast(operand, wanted) : operand;
    });
    const physical = physicalShape(layout, shape);
    let value = compute(ctx, operands, physical, node);
    if (value.shape.join() !== physical.join()) {
      value = ctx.emitter.node('Expand', [value, ctx.emitter.int64(physical)], {}, physical, value.dtype);
    }
    return [ctx.result(node, 0, value, layout)];
  };
}

function broadcastShape(operands: readonly Emitted[]): number[] {
  const rank = Math.max(0, ...operands.map((operand) => operand.shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sides = operands.map((operand) => operand.shape[axis - rank + operand.shape.length] ?? 1);
    return sides.includes(0) ? 0 : Math.max(...sides);
  });
}

function simple(opType: string, resultType?: OnnxDType): Compute {
  return (ctx, operands) =>
    ctx.emitter.node(opType, operands, {}, broadcastShape(operands), resultType ?? operands[0]!.dtype);
}

/** A factor that pushes every value but zero and the subnormal ones past any bound of a clip. */
export const STEEP = 1e30;

/** x > 0 ? 1 : alpha by one clip. */
export function leakySlope(ctx: LoweringContext, value: Emitted, alpha: number): Emitted {
  const { emitter } = ctx;
  const scaled = emitter.node('Mul', [value, emitter.float(STEEP)], {}, value.shape);
  return emitter.node('Clip', [scaled, emitter.float(alpha), emitter.float(1)], {}, value.shape);
}

const computations: Record<string, Compute> = {
  Square: (ctx, [x]) => ctx.emitter.node('Mul', [x, x], {}, x!.shape, x!.dtype),
  Rsqrt: (ctx, [x]) => ctx.emitter.node('Reciprocal', [ctx.emitter.node('Sqrt', [x], {}, x!.shape)], {}, x!.shape),
  SquaredDifference: (ctx, operands) => {
    const shape = broadcastShape(operands);
    const difference = ctx.emitter.node('Sub', operands, {}, shape, operands[0]!.dtype);
    return ctx.emitter.node('Mul', [difference, difference], {}, shape, operands[0]!.dtype);
  },
  NotEqual: (ctx, operands) => {
    const shape = broadcastShape(operands);
    return ctx.emitter.node('Not', [ctx.emitter.node('Equal', operands, {}, shape, 'bool')], {}, shape, 'bool');
  },
  LeakyRelu: (ctx, [x], _shape, node) =>
    ctx.emitter.node('LeakyRelu', [x], { alpha: { float: numberAttribute(node, 'alpha') } }, x!.shape),
  LeakyReluGrad: (ctx, [dy, y], _shape, node) =>
    ctx.emitter.node('Mul', [dy, leakySlope(ctx, y!, numberAttribute(node, 'alpha'))], {}, dy!.shape),
  Select: (ctx, operands) => ctx.emitter.node('Where', operands, {}, broadcastShape(operands), operands[1]!.dtype),
  Cast: (ctx, [x], _shape, node) => ctx.emitter.cast(x!, stringAttribute(node, 'dtype') as GraphDType),
};

const needsFloat = new Set([
  'RealDiv',
  ...Object.keys(UNARY).filter((name) => !['Abs', 'Neg', 'Identity', 'LogicalNot', 'Sign', 'Relu'].includes(name)),
]);
const needsBool = new Set(['LogicalAnd', 'LogicalOr', 'LogicalNot']);

function operandTypeOf(op: string): ((node: Node) => OnnxDType | undefined) | undefined {
  if (needsBool.has(op)) return () => 'bool';
  if (needsFloat.has(op)) return () => 'float32';
  // Arithmetic on booleans is arithmetic on 0 and 1, which ONNX has only for numbers.
  if (
    op in BINARY ||
    op in COMPARE ||
    op === 'NotEqual' ||
    op === 'SquaredDifference' ||
    op === 'Square' ||
    op in UNARY
  ) {
    return (node) => (node.inputs.some((input) => input.dtype === 'float32') ? 'float32' : 'int32');
  }
  return undefined;
}

function table(): LoweringTable {
  const lowerings: Record<string, ReturnType<typeof elementwise>> = {};
  for (const [op, opType] of Object.entries(UNARY)) {
    const boolean = op === 'IsNan' || op === 'IsInf' ? 'bool' : undefined;
    lowerings[op] = elementwise(simple(opType, boolean), operandTypeOf(op));
  }
  for (const [op, opType] of Object.entries(BINARY)) lowerings[op] = elementwise(simple(opType), operandTypeOf(op));
  for (const [op, opType] of Object.entries(COMPARE))
    lowerings[op] = elementwise(simple(opType, 'bool'), operandTypeOf(op));
  for (const [op, compute] of Object.entries(computations)) lowerings[op] = elementwise(compute, operandTypeOf(op));
  return lowerings;
}

export const elementwiseLowerings: LoweringTable = table();
