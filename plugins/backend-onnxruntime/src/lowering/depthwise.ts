/** Depthwise convolution of [b, h, w, c] with a filter [kh, kw, c, m]: output channel c m + j comes from channel c. */
import type { Node } from '../graph/ir.js';
import type { LoweringContext, LoweringTable } from './context.js';
import {
  type ConvGeometry,
  convGeometry,
  onnxConvAttributes,
  onnxConvTransposeAttributes,
  overhang,
  product,
} from './conv-geometry.js';
import type { Emitted } from './emitter.js';
import { channelFirstLayout, denseLayout } from './layout.js';
import type { Lowered } from './lowered.js';
import { reversed, takeAt } from './primitives.js';
import { emitReduce } from './reduce.js';
import { emitSlice } from './shape.js';
import { padOrCrop, spreadApart } from './windows.js';

/** Memory [c, m, kh, kw] of a filter. */
const FILTER_FIRST = denseLayout([2, 3, 0, 1]);

function forward(ctx: LoweringContext, node: Node, [x, filter]: readonly Lowered[]): readonly Lowered[] {
  const g = convGeometry(node, x!.shape, node.outputs[0]!.shape, filter!.shape);
  const channels = g.inChannels * g.outChannels;
  const weights = ctx.emitter.reshape(filter!.as(FILTER_FIRST), [channels, 1, ...g.kernel]);
  const layout = channelFirstLayout(4);
  const attributes = onnxConvAttributes({ ...g, padAfter: overhang(g).map((side) => Math.max(0, side)) }, g.inChannels);
  const y = ctx.emitter.node('Conv', [x!.as(layout), weights], attributes, [g.batch, channels, ...g.output]);
  return [ctx.result(node, 0, y, layout)];
}

function backpropInput(ctx: LoweringContext, node: Node, [dy, filter]: readonly Lowered[]): readonly Lowered[] {
  const { emitter } = ctx;
  const g = convGeometry(node, node.outputs[0]!.shape, dy!.shape, filter!.shape);
  const layout = channelFirstLayout(4);
  const source = dy!.as(layout);
  const shape = [g.batch, g.inChannels, ...g.input];
  const weights = filter!.as(FILTER_FIRST);
  // WebGPU's grouped ConvTranspose of ONNX Runtime 1.30 mixes up the columns.
  if (ctx.target.provider === 'webgpu' || g.strides.every((stride) => stride === 1)) {
    const apart = spreadApart(ctx, source, g.strides);
    const dense = { ...g, output: apart.shape.slice(2), strides: [1, 1] };
    return [ctx.result(node, 0, flipped(ctx, dense, apart, weights, shape), layout)];
  }
  const transposed = emitter.reshape(weights, [g.inChannels * g.outChannels, 1, ...g.kernel]);
  const attributes = onnxConvTransposeAttributes(g, g.inChannels);
  return [ctx.result(node, 0, emitter.node('ConvTranspose', [source, transposed], attributes, shape), layout)];
}

/** Stride 1: correlate with the filter mirrored in space. */
function flipped(
  ctx: LoweringContext,
  g: ConvGeometry,
  dy: Emitted,
  weights: Emitted,
  shape: readonly number[],
): Emitted {
  const { emitter } = ctx;
  const taps = product(g.kernel);
  const flat = emitter.reshape(weights, [g.inChannels * g.outChannels, taps]);
  const reach = g.kernel.map((side, axis) => (side - 1) * g.dilations[axis]!);
  const before = reach.map((side, axis) => side - g.padBefore[axis]!);
  const after = g.input.map((side, axis) => side - g.output[axis]! + g.padBefore[axis]!);
  const own = [...before, ...after].map((side) => Math.max(0, side));
  const cut = (sides: readonly number[]) => sides.map((side) => Math.min(0, side));
  const source = padOrCrop(ctx, dy, [2, 3], cut(before), cut(after));
  const attributes = {
    kernel_shape: g.kernel,
    strides: [1, 1],
    dilations: g.dilations,
    pads: own,
    group: g.inChannels,
  };
  return emitter.node('Conv', [source, emitter.reshape(reversed(ctx, flat, 1), weights.shape)], attributes, shape);
}

/** One convolution per (sample, channel): x is the image, dy its kernel, spread by the strides. */
function backpropFilter(ctx: LoweringContext, node: Node, [x, dy]: readonly Lowered[]): readonly Lowered[] {
  const { emitter } = ctx;
  const filterShape = node.outputs[0]!.shape;
  const g = convGeometry(node, x!.shape, dy!.shape, filterShape);
  const layout = channelFirstLayout(4);
  const groups = g.batch * g.inChannels;
  const image = emitter.reshape(x!.as(layout), [1, groups, ...g.input]);
  const kernel = emitter.reshape(dy!.as(layout), [groups * g.outChannels, 1, ...g.output]);
  const after = overhang(g);
  const surplus = after.map((side) => Math.max(0, -side));
  const wanted = g.kernel.map((side, axis) => (side - 1) * g.dilations[axis]! + 1);
  const attributes = {
    kernel_shape: g.output,
    strides: [1, 1],
    dilations: g.strides,
    pads: [...g.padBefore, ...after.map((side) => Math.max(0, side))],
    group: groups,
  };
  const produced = wanted.map((side, axis) => side + surplus[axis]!);
  let taps = emitter.node('Conv', [image, kernel], attributes, [1, groups * g.outChannels, ...produced]);
  if (surplus.some((side) => side > 0)) taps = emitSlice(ctx, taps, [0, 0], wanted, [2, 3]);
  for (const [axis, dilation] of g.dilations.entries()) {
    const positions = Array.from({ length: g.kernel[axis]! }, (_, index) => index * dilation);
    if (dilation > 1) taps = takeAt(ctx, taps, axis + 2, positions);
  }
  const perSample = emitter.reshape(taps, [g.batch, g.inChannels, g.outChannels, ...g.kernel]);
  return [ctx.result(node, 0, emitReduce(ctx, 'ReduceSum', perSample, [0], false), FILTER_FIRST)];
}

export const depthwiseLowerings: LoweringTable = {
  DepthwiseConv: forward,
  DepthwiseConvBackpropInput: backpropInput,
  DepthwiseConvBackpropFilter: backpropFilter,
};
