import type { Node } from '../graph/ir.js';
import { type LoweringContext, type LoweringTable, numberAttribute, numbersAttribute } from './context.js';
import { product } from './conv-geometry.js';
import type { Emitted } from './emitter.js';
import { physicalAxes } from './layout.js';
import type { Lowered } from './lowered.js';
import { binary, takeAt } from './primitives.js';
import { emitReduce } from './reduce.js';
import { layoutKeeping } from './shape.js';

/** Linear interpolation along one axis. */
function interpolate(ctx: LoweringContext, node: Node, [x]: readonly Lowered[]): readonly Lowered[] {
  const axis = numberAttribute(node, 'axis');
  const fraction = numbersAttribute(node, 'fraction');
  const layout = layoutKeeping(x!, [axis]);
  const source = x!.as(layout);
  const [physical] = physicalAxes(layout, axis);
  const low = takeAt(ctx, source, physical!, numbersAttribute(node, 'low'));
  const high = takeAt(ctx, source, physical!, numbersAttribute(node, 'high'));
  const sides = source.shape.map((_, index) => (index === physical ? fraction.length : 1));
  const weights = ctx.emitter.constant(Float32Array.from(fraction), sides, 'float32');
  const value = binary(ctx, 'Add', low, binary(ctx, 'Mul', binary(ctx, 'Sub', high, low), weights));
  return [ctx.result(node, 0, value, layout)];
}

function interpolateGradient(ctx: LoweringContext, node: Node, [dy]: readonly Lowered[]): readonly Lowered[] {
  const axis = numberAttribute(node, 'axis');
  const side = node.outputs[0]!.shape[axis]!;
  const low = numbersAttribute(node, 'low');
  const high = numbersAttribute(node, 'high');
  const fraction = numbersAttribute(node, 'fraction');
  const layout = layoutKeeping(dy!, [axis]);
  const source = dy!.as(layout);
  const [physical] = physicalAxes(layout, axis);
  const times = low.length / side;
  const repeats = Number.isInteger(times) && low.every((position, index) => position === Math.floor(index / times));
  if (repeats && fraction.every((part) => part === 0)) {
    return [ctx.result(node, 0, sumRuns(ctx, source, physical!, times), layout)];
  }
  const weights = new Float32Array(side * low.length);
  low.forEach((position, index) => {
    weights[position * low.length + index]! += 1 - fraction[index]!;
    weights[high[index]! * low.length + index]! += fraction[index]!;
  });
  return [ctx.result(node, 0, alongAxis(ctx, source, physical!, weights, side), layout)];
}

/** Most addends that are taken one by one. */
const FEW = 4;

/** Every input was read `times` times in a row. Sums over a short axis, the last one above all, are slow as reductions. */
function sumRuns(ctx: LoweringContext, x: Emitted, axis: number, times: number): Emitted {
  const { emitter } = ctx;
  const { shape } = x;
  const result = shape.map((side, index) => (index === axis ? side / times : side));
  const inner = product(shape.slice(axis + 1));
  const runs = product(result) / inner;
  if (inner === 1) {
    const attributes = { kernel_shape: [1, times], strides: [1, times], pads: [0, 0, 0, 0] };
    const planes = [1, product(shape.slice(0, axis - 1)), shape[axis - 1]!];
    const image = emitter.reshape(x, [...planes, shape[axis]!]);
    const mean = emitter.node('AveragePool', [image], attributes, [...planes, shape[axis]! / times]);
    return emitter.reshape(binary(ctx, 'Mul', mean, emitter.float(times)), result);
  }
  const parted = emitter.reshape(x, [runs, times, inner]);
  if (times > FEW) return emitter.reshape(emitReduce(ctx, 'ReduceSum', parted, [1], false), result);
  const addends = Array.from({ length: times }, (_, index) => takeAt(ctx, parted, 1, [index]));
  return emitter.reshape(
    addends.reduce((sum, addend) => binary(ctx, 'Add', sum, addend)),
    result,
  );
}

/** Multiplies one axis by the matrix `weights` [side, old side]. */
function alongAxis(ctx: LoweringContext, x: Emitted, axis: number, weights: Float32Array, side: number): Emitted {
  const { emitter } = ctx;
  const { shape } = x;
  const old = shape[axis]!;
  const outer = product(shape.slice(0, axis));
  const inner = product(shape.slice(axis + 1));
  const matrix = emitter.constant(weights, [side, old], 'float32');
  const result = shape.map((own, index) => (index === axis ? side : own));
  if (inner === 1) {
    const rows = emitter.reshape(x, [outer, old]);
    const value = emitter.node('MatMul', [rows, emitter.transpose(matrix, [1, 0])], {}, [outer, side]);
    return emitter.reshape(value, result);
  }
  const planes = emitter.reshape(x, [outer, old, inner]);
  return emitter.reshape(emitter.node('MatMul', [matrix, planes], {}, [outer, side, inner]), result);
}

export const resizeLowerings: LoweringTable = { Interpolate: interpolate, InterpolateGrad: interpolateGradient };
