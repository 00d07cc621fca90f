import type { Node } from '../graph/ir.js';
import type { LoweringContext } from './context.js';
import { type ConvGeometry, isPointwise, onnxConvTransposeAttributes, overhang, product } from './conv-geometry.js';
import type { ConvGradient, ConvLowering } from './conv-lowering.js';
import { filterFromProducts } from './conv-products.js';
import { type Emitted, MICROSOFT_DOMAIN } from './emitter.js';
import { channelFirstLayout, denseLayout } from './layout.js';
import type { Lowered } from './lowered.js';
import { reversed } from './primitives.js';
import { emitReduce, sumAway } from './reduce.js';
import { emitSlice } from './shape.js';
import { padOrCrop, spreadApart } from './windows.js';

/** Memory [o, i, ...kernel] of a filter [...kernel, i, o]. */
function filterLayout(rank: number, first: 'output' | 'input') {
  const spatial = Array.from({ length: rank - 2 }, (_, axis) => axis);
  return denseLayout(first === 'output' ? [rank - 1, rank - 2, ...spatial] : [rank - 2, rank - 1, ...spatial]);
}

/** Windows of one emitted convolution. */
interface Windows {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/**
 * ONNX Runtime 1.30's WebGPU convolution of images takes a short cut for kernels of one pixel or of the whole image that
 * looks at the leading padding alone: trailing padding is then lost.
 */
function losesPadding(ctx: LoweringContext, x: Emitted, { kernel, before, after }: Windows): boolean {
  if (ctx.target.provider !== 'webgpu' || kernel.length !== 2) return false;
  const short = kernel.every((side) => side === 1) || kernel.every((side, axis) => side === x.shape[axis + 2]);
  return short && before.every((side) => side === 0) && after.some((side) => side > 0);
}

/** ONNX Conv of channel-first memory; negative padding crops. */
function emitConv(
  ctx: LoweringContext,
  inputs: readonly [Emitted, Emitted, (Emitted | undefined)?],
  windows: Windows,
  shape: readonly number[],
): Emitted {
  const [x, weights, bias] = inputs;
  const { kernel, strides, dilations, before, after } = windows;
  const axes = kernel.map((_, axis) => axis + 2);
  const outside = losesPadding(ctx, x, windows);
  const own = (sides: readonly number[]) => sides.map((side) => (outside ? 0 : Math.max(0, side)));
  const rest = (sides: readonly number[]) => sides.map((side) => (outside ? side : Math.min(0, side)));
  const source = padOrCrop(ctx, x, axes, rest(before), rest(after));
  const pads = [...own(before), ...own(after)];
  const attributes = { kernel_shape: kernel, strides, dilations, pads, group: 1 };
  return ctx.emitter.node('Conv', [source, weights, bias], attributes, shape);
}

/** ONNX Conv in channel-first memory. */
export const denseConv: ConvLowering = (ctx, node, g, x, filter, bias) => {
  const layout = channelFirstLayout(x.rank);
  const windows = { ...g, before: g.padBefore, after: g.padAfter };
  const inputs = [x.as(layout), filter.as(filterLayout(x.rank, 'output')), bias?.dense()] as const;
  const value = emitConv(ctx, inputs, windows, [g.batch, g.outChannels, ...g.output]);
  return ctx.result(node, 0, value, layout);
};

/** Gradient with respect to the input; also the forward pass of a transposed convolution. */
export const denseConvInput: ConvLowering = (ctx, node, g, dy, filter, bias) => {
  const layout = channelFirstLayout(dy.rank);
  const unitStride = g.strides.every((stride) => stride === 1);
  let value: Emitted;
  if (unitStride) value = flippedConv(ctx, g, dy.as(layout), filter);
  else if (tiles(g)) value = scatterTiles(ctx, g, dy.as(layout), filter);
  else if (ctx.target.provider === 'webgpu') value = spreadConv(ctx, g, dy.as(layout), filter);
  else value = convTranspose(ctx, g, dy.as(layout), filter);
  if (bias) {
    const column = ctx.emitter.reshape(bias.dense(), [1, g.inChannels, ...g.input.map(() => 1)]);
    value = ctx.emitter.node('Add', [value, column], {}, value.shape);
  }
  return ctx.result(node, 0, value, layout);
};

/** Stride 1: correlate with the filter mirrored in space. ORT's ConvTranspose is fifteen times slower. */
function flippedConv(ctx: LoweringContext, g: ConvGeometry, dy: Emitted, filter: Lowered): Emitted {
  const { emitter } = ctx;
  const taps = product(g.kernel);
  const weights = filter.as(filterLayout(dy.shape.length, 'input'));
  const flat = emitter.reshape(weights, [g.inChannels * g.outChannels, taps]);
  const reach = g.kernel.map((side, axis) => (side - 1) * g.dilations[axis]!);
  const before = reach.map((side, axis) => side - g.padBefore[axis]!);
  const after = g.input.map((side, axis) => side - g.output[axis]! + reach[axis]! - before[axis]!);
  const inputs = [dy, emitter.reshape(reversed(ctx, flat, 1), weights.shape)] as const;
  return emitConv(ctx, inputs, { ...g, before, after }, [g.batch, g.inChannels, ...g.input]);
}

/** Strided: the same after zeros were put between the elements of dy. For providers without a general ConvTranspose. */
function spreadConv(ctx: LoweringContext, g: ConvGeometry, dy: Emitted, filter: Lowered): Emitted {
  const spread = spreadApart(ctx, dy, g.strides);
  const output = spread.shape.slice(2);
  return flippedConv(ctx, { ...g, output, strides: g.strides.map(() => 1) }, spread, filter);
}

/** Kernel equals stride and windows tile the input: a matrix product, then an interleave. */
function tiles(g: ConvGeometry): boolean {
  return g.kernel.every(
    (side, axis) =>
      side === g.strides[axis] &&
      g.dilations[axis] === 1 &&
      g.padBefore[axis] === 0 &&
      g.input[axis] === side * g.output[axis]!,
  );
}

function scatterTiles(ctx: LoweringContext, g: ConvGeometry, dy: Emitted, filter: Lowered): Emitted {
  const { emitter } = ctx;
  const voxels = product(g.output);
  const rows = product(g.kernel) * g.inChannels;
  const weights = emitter.reshape(filter.dense(), [rows, g.outChannels]);
  const columns = emitter.reshape(dy, [g.batch, g.outChannels, voxels]);
  const patches = emitter.node('MatMul', [weights, columns], {}, [g.batch, rows, voxels]);
  const rank = g.kernel.length;
  const parted = emitter.reshape(patches, [g.batch, ...g.kernel, g.inChannels, ...g.output]);
  const interleave = g.kernel.flatMap((_, axis) => [2 + rank + axis, 1 + axis]);
  return emitter.reshape(emitter.transpose(parted, [0, 1 + rank, ...interleave]), [g.batch, g.inChannels, ...g.input]);
}

function convTranspose(ctx: LoweringContext, g: ConvGeometry, dy: Emitted, filter: Lowered): Emitted {
  // ConvTranspose wants [its input channels, its output channels, ...kernel], which here are (o, i).
  const weights = filter.as(filterLayout(dy.shape.length, 'output'));
  const shape = [g.batch, g.inChannels, ...g.input];
  return ctx.emitter.node('ConvTranspose', [dy, weights], onnxConvTransposeAttributes(g), shape);
}

/**
 * Gradient with respect to the filter as one convolution: x as an image with one channel per sample whose rows hold
 * (w, i), dy as its kernel, spread by the channel count along the rows. The output rows are then (kw, i).
 */
export const denseConvFilter: ConvGradient = (ctx, node, g, x, dy) => {
  if (ctx.target.provider !== 'cpu') return filterFromProducts(ctx, node, g, x, dy);
  if (isPointwise(g)) return pointwiseFilter(ctx, node, g, x, dy);
  const { emitter } = ctx;
  const last = g.kernel.length - 1;
  const image = emitter.reshape(x.dense(), [1, g.batch, ...g.input.slice(0, -1), g.input[last]! * g.inChannels]);
  const kernel = emitter.reshape(dy.as(channelFirstLayout(dy.rank)), [g.batch * g.outChannels, 1, ...g.output]);
  const unit = g.kernel.map((_, axis) => (axis === last ? g.inChannels : 1));
  const after = overhang(g);
  const pads = [
    ...g.padBefore.map((side, axis) => side * unit[axis]!),
    ...after.map((side, axis) => Math.max(0, side) * unit[axis]!),
  ];
  const surplus = after.map((side) => Math.max(0, -side));
  const produced = g.kernel.map((side, axis) => ((side - 1) * g.dilations[axis]! + 1 + surplus[axis]!) * unit[axis]!);
  const attributes = {
    kernel_shape: g.output,
    strides: g.kernel.map(() => 1),
    dilations: g.strides.map((stride, axis) => stride * unit[axis]!),
    pads,
    group: g.batch,
  };
  let value = emitter.node('Conv', [image, kernel], attributes, [1, g.batch * g.outChannels, ...produced]);
  if (surplus.some((side) => side > 0)) {
    const ends = g.kernel.map((side, axis) => ((side - 1) * g.dilations[axis]! + 1) * unit[axis]!);
    value = emitSlice(
      ctx,
      value,
      ends.map(() => 0),
      ends,
      ends.map((_, axis) => axis + 2),
    );
  }
  const taps = emitter.reshape(value, [g.batch, g.outChannels, ...g.kernel, g.inChannels]);
  const rank = g.kernel.length + 2;
  const layout = denseLayout([rank - 1, ...Array.from({ length: rank - 1 }, (_, axis) => axis)]);
  return ctx.result(node, 0, sumAway(ctx, taps, 0), layout);
};

function pointwiseFilter(ctx: LoweringContext, node: Node, g: ConvGeometry, x: Lowered, dy: Lowered): Lowered {
  const { emitter } = ctx;
  const layout = channelFirstLayout(x.rank);
  const voxels = product(g.input);
  const left = emitter.reshape(x.as(layout), [g.batch, g.inChannels, voxels]);
  const right = emitter.reshape(dy.as(layout), [g.batch, g.outChannels, voxels]);
  const shape = [g.batch, g.inChannels, g.outChannels];
  const attributes = { transA: 0, transB: 1, alpha: { float: 1 } };
  const value = emitter.node('FusedMatMul', [left, right], attributes, shape, 'float32', MICROSOFT_DOMAIN);
  const summed = emitReduce(ctx, 'ReduceSum', value, [0], false);
  return ctx.result(node, 0, emitter.reshape(summed, node.outputs[0]!.shape));
}
