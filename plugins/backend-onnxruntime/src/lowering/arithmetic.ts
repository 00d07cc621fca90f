/** Elementwise arithmetic that ONNX has only in part: composed so that the results are those of TensorFlow.js. */
import type { LoweringContext, LoweringTable } from './context.js';
import { elementwise, numberType } from './elementwise.js';
import type { Emitted } from './emitter.js';
import { binary, compare, keepNan, log, test, unary, where } from './primitives.js';

type Compute = (ctx: LoweringContext, operands: readonly Emitted[]) => Emitted;

/** Computes in double precision: whole numbers have more than the 24 bits of float32. */
function inDouble(compute: Compute): Compute {
  return (ctx, operands) =>
    compute(
      ctx,
      operands.map((operand) => ctx.emitter.cast(operand, 'float64')),
    );
}

/** Whole operands go through double precision, real ones stay. */
function wideForIntegers(compute: Compute): Compute {
  const wide = inDouble(compute);
  return (ctx, operands) => (operands[0]!.dtype === 'float32' ? compute : wide)(ctx, operands);
}

/** 0 where the divisor is 0 and the result is a whole number, as a JavaScript Int32Array has it. */
function zeroDivision(ctx: LoweringContext, quotient: Emitted, divisor: Emitted): Emitted {
  const { emitter } = ctx;
  const isZero = compare(ctx, 'Equal', divisor, emitter.scalar(0, divisor.dtype));
  return where(ctx, isZero, emitter.scalar(0, 'int32'), emitter.cast(quotient, 'int32'));
}

const floorDiv: Compute = inDouble((ctx, [a, b]) =>
  zeroDivision(ctx, unary(ctx, 'Floor', binary(ctx, 'Div', a!, b!)), b!),
);

/** The remainder with the sign of the divisor. */
const mod: Compute = wideForIntegers((ctx, [a, b]) => {
  const { emitter } = ctx;
  const zero = emitter.scalar(0, a!.dtype);
  const remainder = binary(ctx, 'Mod', a!, b!, { fmod: 1 });
  const moved = binary(ctx, 'Mod', binary(ctx, 'Add', remainder, b!), b!, { fmod: 1 });
  const sameSign = compare(ctx, 'Equal', compare(ctx, 'Less', a!, zero), compare(ctx, 'Less', b!, zero));
  const result = where(ctx, sameSign, remainder, moved);
  return a!.dtype === 'float64' ? zeroDivision(ctx, result, b!) : result;
});

/** The arctangent of the smaller over the larger magnitude, unfolded by octant. */
const atan2: Compute = (ctx, [y, x]) => {
  const { emitter } = ctx;
  const zero = emitter.float(0);
  const [ay, ax] = [unary(ctx, 'Abs', y!), unary(ctx, 'Abs', x!)];
  const large = binary(ctx, 'Max', ay, ax);
  const isOrigin = compare(ctx, 'Equal', large, zero);
  const ratio = binary(ctx, 'Div', binary(ctx, 'Min', ay, ax), where(ctx, isOrigin, emitter.float(1), large));
  const bothInfinite = compare(ctx, 'And', test(ctx, 'IsInf', ay), test(ctx, 'IsInf', ax));
  const folded = unary(ctx, 'Atan', where(ctx, bothInfinite, emitter.float(1), ratio));
  const quarter = binary(ctx, 'Sub', emitter.float(Math.PI / 2), folded);
  const upper = where(ctx, compare(ctx, 'Greater', ay, ax), quarter, folded);
  const half = where(ctx, isNegative(ctx, x!), binary(ctx, 'Sub', emitter.float(Math.PI), upper), upper);
  return where(ctx, isNegative(ctx, y!), unary(ctx, 'Neg', half), half);
};

/** The reciprocal tells the two zeros apart. */
function isNegative(ctx: LoweringContext, x: Emitted): Emitted {
  const zero = ctx.emitter.float(0);
  const below = compare(ctx, 'Less', x, zero);
  return compare(ctx, 'Or', below, compare(ctx, 'Less', unary(ctx, 'Reciprocal', x), zero));
}

/** tanh(x / 2) (exp(x) + 1): no cancellation near zero. */
const expm1: Compute = (ctx, [x]) => {
  const { emitter } = ctx;
  const half = unary(ctx, 'Tanh', binary(ctx, 'Mul', x!, emitter.float(0.5)));
  return keepNan(ctx, x!, binary(ctx, 'Mul', half, binary(ctx, 'Add', unary(ctx, 'Exp', x!), emitter.float(1))));
};

/** 2 artanh(x / (2 + x)) near zero, where 1 + x would round x away. */
const log1p: Compute = (ctx, [x]) => {
  const { emitter } = ctx;
  const ratio = binary(ctx, 'Div', x!, binary(ctx, 'Add', x!, emitter.float(2)));
  const near = binary(ctx, 'Mul', unary(ctx, 'Atanh', ratio), emitter.float(2));
  const far = log(ctx, binary(ctx, 'Add', x!, emitter.float(1)));
  return where(ctx, compare(ctx, 'Less', unary(ctx, 'Abs', x!), emitter.float(0.5)), near, far);
};

/** Far from zero the argument has no more bits than float32 gives; the tangent of that argument is then exact. */
const tan: Compute = inDouble((ctx, [x]) =>
  ctx.emitter.cast(binary(ctx, 'Div', unary(ctx, 'Sin', x!), unary(ctx, 'Cos', x!)), 'float32'),
);

const exp: Compute = (ctx, [x]) => {
  if (x!.dtype === 'float32') return keepNan(ctx, x!, unary(ctx, 'Exp', x!));
  return ctx.emitter.cast(unary(ctx, 'Exp', ctx.emitter.cast(x!, 'float64')), 'float32');
};

/** Shaders leave open what a negative base with a fractional exponent gives. */
const pow: Compute = (ctx, [base, exponent]) => {
  const value = binary(ctx, 'Pow', base!, exponent!);
  if (ctx.target.provider !== 'webgpu' || value.dtype !== 'float32') return value;
  const { emitter } = ctx;
  const whole = compare(ctx, 'Equal', exponent!, unary(ctx, 'Floor', exponent!));
  const positive = compare(ctx, 'GreaterOrEqual', base!, emitter.float(0));
  return where(ctx, whole, value, where(ctx, positive, value, emitter.float(Number.NaN)));
};

/** Zero for NaN, as TensorFlow.js has it. */
const sign: Compute = (ctx, [x]) => {
  const { emitter } = ctx;
  const zero = emitter.scalar(0, x!.dtype);
  const positive = emitter.cast(compare(ctx, 'Greater', x!, zero), x!.dtype);
  return binary(ctx, 'Sub', positive, emitter.cast(compare(ctx, 'Less', x!, zero), x!.dtype));
};

const finite: Compute = (ctx, [x]) =>
  compare(ctx, 'Less', unary(ctx, 'Abs', x!), ctx.emitter.float(Number.POSITIVE_INFINITY));

export const arithmeticLowerings: LoweringTable = {
  FloorDiv: elementwise(floorDiv),
  Mod: elementwise(mod, numberType),
  Atan2: elementwise(atan2, () => 'float32'),
  Maximum: elementwise((ctx, [a, b]) => binary(ctx, 'Max', a!, b!), numberType),
  Minimum: elementwise((ctx, [a, b]) => binary(ctx, 'Min', a!, b!), numberType),
  BitwiseAnd: elementwise(
    (ctx, [a, b]) => binary(ctx, 'BitwiseAnd', a!, b!),
    () => 'int32',
  ),
  Pow: elementwise(pow, numberType),
  Exp: elementwise(exp, numberType),
  Expm1: elementwise(expm1, () => 'float32'),
  Log1p: elementwise(log1p, () => 'float32'),
  Tan: elementwise(tan),
  Sign: elementwise(sign, numberType),
  IsFinite: elementwise(finite, () => 'float32'),
};
