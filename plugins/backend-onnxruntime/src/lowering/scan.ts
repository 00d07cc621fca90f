import type { Node } from '../graph/ir.js';
import {
  booleanAttribute,
  type LoweringContext,
  type LoweringTable,
  numberAttribute,
  stringAttribute,
} from './context.js';
import type { Emitted } from './emitter.js';
import { physicalAxes } from './layout.js';
import type { Lowered } from './lowered.js';
import { binary } from './primitives.js';
import { emitSlice, layoutKeeping } from './shape.js';

function scan(ctx: LoweringContext, node: Node, [x]: readonly Lowered[]): readonly Lowered[] {
  const axis = numberAttribute(node, 'axis');
  const exclusive = booleanAttribute(node, 'exclusive');
  const reverse = booleanAttribute(node, 'reverse');
  const layout = layoutKeeping(x!, [axis]);
  const [physical] = physicalAxes(layout, axis);
  const source = ctx.emitter.cast(x!.as(layout), node.outputs[0]!.dtype);
  const value =
    stringAttribute(node, 'kind') === 'sum'
      ? cumulativeSum(ctx, source, physical!, exclusive, reverse)
      : cumulativeProduct(ctx, source, physical!, exclusive, reverse);
  return [ctx.result(node, 0, value, layout)];
}

function cumulativeSum(ctx: LoweringContext, x: Emitted, axis: number, exclusive: boolean, reverse: boolean): Emitted {
  const attributes = { exclusive: exclusive ? 1 : 0, reverse: reverse ? 1 : 0 };
  return ctx.emitter.node('CumSum', [x, ctx.emitter.scalar(axis, 'int32')], attributes, x.shape, x.dtype);
}

/** x moved by `steps` along an axis, ones moving in. */
function shifted(ctx: LoweringContext, x: Emitted, axis: number, steps: number, reverse: boolean): Emitted {
  const { emitter } = ctx;
  const side = x.shape[axis]!;
  const kept = emitSlice(ctx, x, [reverse ? steps : 0], [reverse ? side : side - steps], [axis]);
  const pads = new Array<number>(2 * x.shape.length).fill(0);
  pads[reverse ? axis + x.shape.length : axis] = steps;
  return emitter.node('Pad', [kept, emitter.int64(pads), emitter.scalar(1, x.dtype)], {}, x.shape, x.dtype);
}

/** Products over runs of 2, 4, 8, ... elements, each from two of the last length (Hillis and Steele, 1986). */
function cumulativeProduct(
  ctx: LoweringContext,
  x: Emitted,
  axis: number,
  exclusive: boolean,
  reverse: boolean,
): Emitted {
  const side = x.shape[axis]!;
  let value = exclusive && side > 0 ? shifted(ctx, x, axis, 1, reverse) : x;
  for (let length = 1; length < side; length *= 2) {
    value = binary(ctx, 'Mul', value, shifted(ctx, value, axis, length, reverse));
  }
  return value;
}

export const scanLowerings: LoweringTable = { Scan: scan };
