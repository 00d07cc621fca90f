import type { GraphDType, Node } from '../graph/ir.js';
import { blockedScale, blockedSum } from './blocked-arithmetic.js';
import { type Lowering, type LoweringContext, type LoweringTable, stringAttribute } from './context.js';
import type { Emitted } from './emitter.js';
import { admits, identityLayout, type Layout, physicalShape } from './layout.js';
import type { Lowered } from './lowered.js';
import type { OnnxDType } from './onnx-dtype.js';
import { binary, compare, isNan, keepNan, log, relu, test, unary, where } from './primitives.js';

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

/** Real functions of one operand; whole numbers are converted. */
const UNARY: Readonly<Record<string, string>> = {
  Sqrt: 'Sqrt',
  Reciprocal: 'Reciprocal',
  Sin: 'Sin',
  Cos: 'Cos',
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
};

const COMPARE: Readonly<Record<string, string>> = {
  Equal: 'Equal',
  Greater: 'Greater',
  GreaterEqual: 'GreaterOrEqual',
  Less: 'Less',
  LessEqual: 'LessOrEqual',
};

type Compute = (
  ctx: LoweringContext,
  operands: readonly Emitted[],
  shape: readonly number[],
  node: Node,
  layout: Layout,
) => Emitted;

/** Runs a computation on all operands in one common layout; `operandType` says what they are cast to first. */
export function elementwise(compute: Compute, operandType?: (node: Node) => OnnxDType): Lowering {
  return (ctx, node, inputs) => {
    const { shape } = node.outputs[0]!;
    const layout = elementwiseLayout(shape, inputs);
    const wanted = operandType?.(node);
    const operands = inputs.map((input) => {
      const operand = broadcastOperand(ctx, input, layout, shape);
      return wanted ? ctx.emitter.cast(operand, wanted) : operand;
    });
    const physical = physicalShape(layout, shape);
    let value = compute(ctx, operands, physical, node, layout);
    if (value.shape.join() !== physical.join()) {
      value = ctx.emitter.node('Expand', [value, ctx.emitter.int64(physical)], {}, physical, value.dtype);
    }
    return [ctx.result(node, 0, value, layout)];
  };
}

/** Arithmetic on booleans is arithmetic on 0 and 1, which ONNX has only for numbers. */
export function numberType(node: Node): OnnxDType {
  return node.inputs.some((input) => input.dtype === 'float32') ? 'float32' : 'int32';
}

const float = () => 'float32' as const;
const bool = () => 'bool' as const;

/** Rounding leaves whole numbers as they are. */
function rounding(opType: string): Lowering {
  return elementwise((ctx, [x]) => (x!.dtype === 'float32' ? unary(ctx, opType, x!) : x!));
}

function logical(opType: string): Lowering {
  return elementwise((ctx, [a, b]) => compare(ctx, opType, a!, b!), bool);
}

function table(): LoweringTable {
  const lowerings: Record<string, Lowering> = {
    Abs: elementwise((ctx, [x]) => unary(ctx, 'Abs', x!), numberType),
    Neg: elementwise((ctx, [x]) => unary(ctx, 'Neg', x!), numberType),
    Relu: elementwise((ctx, [x]) => relu(ctx, x!), numberType),
    Identity: elementwise((_ctx, [x]) => x!),
    Square: elementwise((ctx, [x]) => binary(ctx, 'Mul', x!, x!), numberType),
    Rsqrt: elementwise((ctx, [x]) => unary(ctx, 'Reciprocal', unary(ctx, 'Sqrt', x!)), float),
    SquaredDifference: elementwise((ctx, [a, b]) => {
      const difference = binary(ctx, 'Sub', a!, b!);
      return binary(ctx, 'Mul', difference, difference);
    }, numberType),
    RealDiv: elementwise((ctx, [a, b]) => binary(ctx, 'Div', a!, b!), float),
    NotEqual: elementwise((ctx, [a, b]) => test(ctx, 'Not', compare(ctx, 'Equal', a!, b!)), numberType),
    LogicalAnd: logical('And'),
    LogicalOr: logical('Or'),
    LogicalNot: elementwise((ctx, [x]) => test(ctx, 'Not', x!), bool),
    IsNan: elementwise((ctx, [x]) => isNan(ctx, x!), float),
    IsInf: elementwise((ctx, [x]) => test(ctx, 'IsInf', x!), float),
    Log: elementwise((ctx, [x]) => log(ctx, x!), float),
    Floor: rounding('Floor'),
    Ceil: rounding('Ceil'),
    Round: rounding('Round'),
    Select: elementwise((ctx, [condition, yes, no], _shape, node) => {
      const { dtype } = node.outputs[0]!;
      return where(ctx, condition!, ctx.emitter.cast(yes!, dtype), ctx.emitter.cast(no!, dtype));
    }),
    Cast: elementwise((ctx, [x], _shape, node) => ctx.emitter.cast(x!, stringAttribute(node, 'dtype') as GraphDType)),
  };
  for (const [op, opType] of Object.entries(UNARY)) {
    lowerings[op] = elementwise((ctx, [x]) => keepNan(ctx, x!, unary(ctx, opType, x!)), float);
  }
  lowerings.Sub = elementwise((ctx, [a, b]) => binary(ctx, 'Sub', a!, b!), numberType);
  lowerings.Add = elementwise(
    (ctx, [a, b], _shape, _node, layout) => blockedSum(ctx, [a!, b!], layout) ?? binary(ctx, 'Add', a!, b!),
    numberType,
  );
  lowerings.Multiply = elementwise(
    (ctx, [a, b], _shape, _node, layout) => blockedScale(ctx, [a!, b!], layout) ?? binary(ctx, 'Mul', a!, b!),
    numberType,
  );
  for (const [op, opType] of Object.entries(COMPARE)) {
    lowerings[op] = elementwise((ctx, [a, b]) => compare(ctx, opType, a!, b!), numberType);
  }
  return lowerings;
}

export const elementwiseLowerings: LoweringTable = table();
