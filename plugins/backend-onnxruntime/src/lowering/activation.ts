/** Activations and their gradients. */
import { type LoweringContext, type LoweringTable, numberAttribute } from './context.js';
import { elementwise, numberType } from './elementwise.js';
import type { Emitted } from './emitter.js';
import { binary, compare, isNan, keepNan, unary, where } from './primitives.js';

/** A factor that pushes every value but zero and the subnormal ones past any bound of a clip: a power of two, about 1e30. */
export const STEEP = 2 ** 100;

/** x > 0 ? 1 : alpha by one clip. */
export function leakySlope(ctx: LoweringContext, value: Emitted, alpha: number): Emitted {
  const { emitter } = ctx;
  return clip(ctx, binary(ctx, 'Mul', value, emitter.float(STEEP)), emitter.float(alpha), emitter.float(1));
}

function clip(ctx: LoweringContext, x: Emitted, low: Emitted, high: Emitted): Emitted {
  return ctx.emitter.node('Clip', [x, low, high], {}, x.shape, x.dtype);
}

function step(ctx: LoweringContext, x: Emitted, below: Emitted): Emitted {
  const { emitter } = ctx;
  const positive = compare(ctx, 'Greater', x, emitter.scalar(0, x.dtype));
  const stepped = where(ctx, positive, emitter.scalar(1, x.dtype), below);
  return x.dtype === 'float32' ? where(ctx, isNan(ctx, x), x, stepped) : stepped;
}

/** ONNX's PRelu broadcasts the slope to x, but not x to the slope. */
function prelu(ctx: LoweringContext, x: Emitted, slope: Emitted, shape: readonly number[]): Emitted {
  if (x.shape.join() === shape.join()) return ctx.emitter.node('PRelu', [x, slope], {}, shape);
  const negative = compare(ctx, 'Less', x, ctx.emitter.float(0));
  return where(ctx, negative, binary(ctx, 'Mul', x, slope), x);
}

/** The output tells the slope: 1 above zero, y + 1 below. */
function eluGrad(ctx: LoweringContext, dy: Emitted, y: Emitted): Emitted {
  const { emitter } = ctx;
  const slope = binary(ctx, 'Add', binary(ctx, 'Min', y, emitter.float(0)), emitter.float(1));
  return binary(ctx, 'Mul', dy, slope);
}

const float = () => 'float32' as const;

export const activationLowerings: LoweringTable = {
  Clip: elementwise((ctx, [x, low, high]) => keepNan(ctx, x!, clip(ctx, x!, low!, high!)), numberType),
  Relu6: elementwise((ctx, [x]) => {
    const clipped = clip(ctx, x!, ctx.emitter.scalar(0, x!.dtype), ctx.emitter.scalar(6, x!.dtype));
    return keepNan(ctx, x!, clipped);
  }, numberType),
  Step: elementwise((ctx, [x, below]) => step(ctx, x!, below!), numberType),
  Elu: elementwise((ctx, [x]) => unary(ctx, 'Elu', x!), float),
  EluGrad: elementwise((ctx, [dy, y]) => eluGrad(ctx, dy!, y!), float),
  Selu: elementwise((ctx, [x]) => unary(ctx, 'Selu', x!), float),
  Prelu: elementwise((ctx, [x, slope], shape) => prelu(ctx, x!, slope!, shape), float),
  LeakyRelu: elementwise(
    (ctx, [x], _shape, node) => unary(ctx, 'LeakyRelu', x!, { alpha: { float: numberAttribute(node, 'alpha') } }),
    float,
  ),
  LeakyReluGrad: elementwise(
    (ctx, [dy, y], _shape, node) => binary(ctx, 'Mul', dy!, leakySlope(ctx, y!, numberAttribute(node, 'alpha'))),
    float,
  ),
};
