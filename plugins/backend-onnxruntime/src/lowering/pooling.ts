/** Maximum and average over windows of [b, ...spatial, c], in dense or blocked memory, and their gradients. */
import type { Node } from '../graph/ir.js';
import { type LoweringContext, type LoweringTable, numbersAttribute, stringAttribute } from './context.js';
import { product } from './conv-geometry.js';
import type { Emitted } from './emitter.js';
import { channelFirstLayout, type Layout, physicalAxes, physicalShape, planesLayout } from './layout.js';
import type { Lowered } from './lowered.js';
import { type PoolWindows, tilesInput } from './pool-windows.js';
import { isPairs, maxGradientByHalves } from './pooling-halves.js';
import { maxGradientByTaps, spreadOverWindows } from './pooling-taps.js';
import { binary, takeAt } from './primitives.js';
import { emitSlice, layoutKeeping } from './shape.js';

/** Windows of a maximum or an average. */
interface Pool extends PoolWindows {
  readonly kind: string;
}

function poolOf(node: Node, input: readonly number[], output: readonly number[]): Pool {
  const kernel = numbersAttribute(node, 'kernel');
  const strides = numbersAttribute(node, 'strides');
  const before = numbersAttribute(node, 'padBefore');
  const sides = input.slice(1, -1);
  const after = sides.map((side, axis) => {
    const end = (output[axis + 1]! - 1) * strides[axis]! + kernel[axis]!;
    return Math.max(0, end - side - before[axis]!);
  });
  return {
    kind: stringAttribute(node, 'kind'),
    kernel,
    strides,
    input: sides,
    output: output.slice(1, -1),
    before,
    after,
  };
}

function isPadded(pool: Pool): boolean {
  return [...pool.before, ...pool.after].some((side) => side > 0);
}

function attributesOf(pool: Pool) {
  return { kernel_shape: pool.kernel, strides: pool.strides, pads: [...pool.before, ...pool.after] };
}

/** Sides that ONNX computes, which exceed the wanted ones where a rounding left whole strides unread. */
function producedSides(pool: Pool): number[] {
  return pool.input.map((side, axis) => {
    const room = side + pool.before[axis]! + pool.after[axis]! - pool.kernel[axis]!;
    return Math.floor(room / pool.strides[axis]!) + 1;
  });
}

function cropped(ctx: LoweringContext, value: Emitted, pool: Pool): Emitted {
  if (value.shape.slice(2, 2 + pool.output.length).join() === pool.output.join()) return value;
  const axes = pool.output.map((_, axis) => axis + 2);
  return emitSlice(
    ctx,
    value,
    axes.map(() => 0),
    pool.output,
    axes,
  );
}

function forward(ctx: LoweringContext, node: Node, [x]: readonly Lowered[]): readonly Lowered[] {
  const pool = poolOf(node, x!.shape, node.outputs[0]!.shape);
  if (x!.primary.splits[0] === x!.rank - 1 && !isWide(pool)) {
    const blocked = blockedPool(ctx, x!, pool);
    return [ctx.result(node, 0, blocked, planesLayout(x!.rank, x!.primary.block))];
  }
  const layout = channelFirstLayout(x!.rank);
  const value = isWide(pool) ? widePool(ctx, x!.as(layout), pool) : densePool(ctx, x!.as(layout), pool);
  return [ctx.result(node, 0, value, layout)];
}

function densePool(ctx: LoweringContext, source: Emitted, pool: Pool): Emitted {
  const shape = [...source.shape.slice(0, 2), ...producedSides(pool)];
  const opType = pool.kind === 'max' ? 'MaxPool' : 'AveragePool';
  return cropped(ctx, ctx.emitter.node(opType, [source], attributesOf(pool), shape), pool);
}

/** Padding that ONNX's pooling refuses: some windows see nothing else. */
function isWide(pool: Pool): boolean {
  return pool.kernel.some((side, axis) => pool.before[axis]! >= side || pool.after[axis]! >= side);
}

/** The padding written out, and windows without any. */
function written(ctx: LoweringContext, x: Emitted, pool: Pool): { readonly x: Emitted; readonly pool: Pool } {
  const { emitter } = ctx;
  const none = pool.input.map(() => 0);
  const input = pool.input.map((side, axis) => side + pool.before[axis]! + pool.after[axis]!);
  const pads = emitter.int64([0, 0, ...pool.before, 0, 0, ...pool.after]);
  const value = emitter.float(pool.kind === 'max' ? Number.NEGATIVE_INFINITY : 0);
  const padded = emitter.node('Pad', [x, pads, value], {}, [...x.shape.slice(0, 2), ...input]);
  return { x: padded, pool: { ...pool, input, before: none, after: none } };
}

function widePool(ctx: LoweringContext, source: Emitted, pool: Pool): Emitted {
  const wide = written(ctx, source, pool);
  const value = densePool(ctx, wide.x, wide.pool);
  if (pool.kind === 'max') return value;
  const size = product(pool.kernel);
  const weights = shares(pool).map((share) => share * size);
  return binary(ctx, 'Mul', value, ctx.emitter.constant(weights, [1, 1, ...pool.output], 'float32'));
}

/**
 * ONNX Runtime's blocked pooling is two-dimensional. Both kinds separate: rows and columns first, plane by plane, then
 * the depth, with everything but the depth as one long row. The average counts no padding, and that count separates as well.
 */
function blockedPool(ctx: LoweringContext, x: Lowered, pool: Pool): Emitted {
  const { block } = x.primary;
  const layout = planesLayout(x.rank, block);
  const rank = pool.kernel.length;
  const [batch, channels] = [x.shape[0]!, x.shape[x.rank - 1]!];
  const [height, width] = pool.input.slice(-2) as [number, number];
  const [outHeight, outWidth] = pool.output.slice(-2) as [number, number];
  const depth = rank === 3 ? pool.input[0]! : 1;
  const lanes = batch * depth * channels;
  const plane = slicePool(pool, rank - 2, rank);
  let value = blockedPass(ctx, x.as(layout), [1, lanes, height, width], plane, [1, lanes, outHeight, outWidth]);
  if (rank === 3 && (pool.kernel[0] !== 1 || pool.strides[0] !== 1)) {
    const column = { ...slicePool(pool, 0, 1), kernel: [pool.kernel[0]!, 1], strides: [pool.strides[0]!, 1] };
    const deep = { ...column, before: [pool.before[0]!, 0], after: [pool.after[0]!, 0] };
    const row = (channels / block) * outHeight * outWidth;
    const shapes = [
      [1, batch * block, depth, row],
      [1, batch * block, pool.output[0]!, row],
    ] as const;
    value = blockedPass(ctx, value, shapes[0], deep, shapes[1]);
  }
  return ctx.emitter.reshape(value, physicalShape(layout, [batch, ...pool.output, channels]));
}

function slicePool(pool: Pool, from: number, to: number): Pool {
  const part = (items: readonly number[]) => items.slice(from, to);
  return {
    kind: pool.kind,
    kernel: part(pool.kernel),
    strides: part(pool.strides),
    input: part(pool.input),
    output: part(pool.output),
    before: part(pool.before),
    after: part(pool.after),
  };
}

function blockedPass(
  ctx: LoweringContext,
  x: Emitted,
  from: readonly number[],
  pool: Pool,
  to: readonly number[],
): Emitted {
  const image = ctx.emitter.reshape(x, from);
  const common = { ...attributesOf(pool), dilations: [1, 1] };
  if (pool.kind === 'max') return ctx.emitter.blocked('MaxPool', [image], { ...common, storage_order: 0 }, to);
  return ctx.emitter.blocked('AveragePool', [image], { ...common, count_include_pad: 0 }, to);
}

function gradient(ctx: LoweringContext, node: Node, inputs: readonly Lowered[]): readonly Lowered[] {
  const [dy, x] = inputs;
  const pool = poolOf(node, node.outputs[0]!.shape, dy!.shape);
  return [pool.kind === 'max' ? maxGradient(ctx, node, pool, dy!, x!) : averageGradient(ctx, node, pool, dy!)];
}

/** Each output's gradient goes to the position of its first maximum. */
function maxGradient(ctx: LoweringContext, node: Node, pool: Pool, dy: Lowered, x: Lowered): Lowered {
  const { splits, block } = x.primary;
  if (splits.length === 1 && splits[0] === x.rank - 1 && isPairs(pool)) {
    const layout = planesLayout(x.rank, block);
    return ctx.result(node, 0, maxGradientByHalves(ctx, pool, layout, dy.as(layout), x.as(layout)), layout);
  }
  const layout = channelFirstLayout(x.rank);
  const source = x.as(layout);
  const updates = dy.as(layout);
  if (ctx.target.provider !== 'cpu') {
    const maxima = isWide(pool) ? widePool(ctx, source, pool) : densePool(ctx, source, pool);
    return ctx.result(node, 0, maxGradientByTaps(ctx, pool, updates, source, maxima), layout);
  }
  if (!isWide(pool)) return ctx.result(node, 0, scatterToMaxima(ctx, updates, source, pool), layout);
  const wide = written(ctx, source, pool);
  const scattered = scatterToMaxima(ctx, updates, wide.x, wide.pool);
  const ends = pool.input.map((side, axis) => side + pool.before[axis]!);
  const axes = pool.input.map((_, axis) => axis + 2);
  return ctx.result(node, 0, emitSlice(ctx, scattered, pool.before, ends, axes), layout);
}

function scatterToMaxima(ctx: LoweringContext, dy: Emitted, source: Emitted, pool: Pool): Emitted {
  const { emitter } = ctx;
  const shape = [...source.shape.slice(0, 2), ...producedSides(pool)];
  const outputs = [
    { shape, dtype: 'float32' as const },
    { shape, dtype: 'int64' as const },
  ];
  const [, positions] = emitter.nodeOutputs('MaxPool', [source], attributesOf(pool), outputs);
  const index = emitter.reshape(cropped(ctx, positions!, pool), [product(dy.shape)]);
  const size = product(source.shape);
  const zeros = emitter.node('Expand', [emitter.float(0), emitter.int64([size])], {}, [size]);
  const updates = emitter.reshape(dy, [product(dy.shape)]);
  const attributes = { axis: 0, reduction: 'add' };
  const scattered = emitter.node('ScatterElements', [zeros, index, updates], attributes, [size]);
  return emitter.reshape(scattered, source.shape);
}

/** Each output's gradient over its window in equal shares; padding takes none. */
function averageGradient(ctx: LoweringContext, node: Node, pool: Pool, dy: Lowered): Lowered {
  const { emitter } = ctx;
  const share = emitter.float(1 / product(pool.kernel));
  if (tilesInput(pool)) {
    const layout = layoutKeeping(dy, spatialAxes(pool));
    const shared = binary(ctx, 'Mul', dy.as(layout), share);
    return ctx.result(node, 0, repeated(ctx, shared, layout, pool), layout);
  }
  const layout = channelFirstLayout(dy.rank);
  const weights = isPadded(pool) ? emitter.constant(shares(pool), [1, 1, ...pool.output], 'float32') : share;
  return ctx.result(node, 0, spread(ctx, binary(ctx, 'Mul', dy.as(layout), weights), pool), layout);
}

/** One over the number of input elements under each window, one where there are none. */
function shares(pool: Pool): Float32Array {
  const counts = pool.output.map((side, axis) =>
    Array.from({ length: side }, (_, position) => {
      const start = position * pool.strides[axis]! - pool.before[axis]!;
      return Math.max(0, Math.min(start + pool.kernel[axis]!, pool.input[axis]!) - Math.max(start, 0));
    }),
  );
  const all = counts.reduce((products, axis) => products.flatMap((value) => axis.map((count) => value * count)), [1]);
  return Float32Array.from(all, (count) => 1 / Math.max(count, 1));
}

function spatialAxes(pool: Pool): number[] {
  return pool.kernel.map((_, axis) => axis + 1);
}

/** Every element as often along each axis as its window is long. */
function repeated(ctx: LoweringContext, dy: Emitted, layout: Layout, pool: Pool): Emitted {
  return spatialAxes(pool).reduceRight((value, axis) => {
    const times = pool.kernel[axis - 1]!;
    if (times === 1) return value;
    const [physical] = physicalAxes(layout, axis);
    const positions = Array.from({ length: pool.input[axis - 1]! }, (_, index) => Math.floor(index / times));
    return takeAt(ctx, value, physical!, positions);
  }, dy);
}

/** Transposed convolution of each channel with ones. */
function spread(ctx: LoweringContext, dy: Emitted, pool: Pool): Emitted {
  if (ctx.target.provider !== 'cpu') return spreadOverWindows(ctx, dy, pool);
  const { emitter } = ctx;
  const images = dy.shape[0]! * dy.shape[1]!;
  const unread = pool.input.map((side, axis) => {
    const end = (pool.output[axis]! - 1) * pool.strides[axis]! + pool.kernel[axis]!;
    return Math.max(0, side + pool.before[axis]! - end);
  });
  const inputs = [emitter.reshape(dy, [images, 1, ...pool.output]), emitter.float(1, [1, 1, ...pool.kernel])];
  const attributes = { ...attributesOf(pool), output_padding: unread, group: 1 };
  const value = emitter.node('ConvTranspose', inputs, attributes, [images, 1, ...pool.input]);
  return emitter.reshape(value, [dy.shape[0]!, dy.shape[1]!, ...pool.input]);
}

export const poolingLowerings: LoweringTable = { Pool: forward, PoolGrad: gradient };
