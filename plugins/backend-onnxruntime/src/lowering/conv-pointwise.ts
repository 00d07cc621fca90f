/** 1x1x1 convolutions of volumes whose planes are images in memory, [b, d, c, h, w] or blocked: any channel counts. */
import type { Node } from '../graph/ir.js';
import type { LoweringContext } from './context.js';
import { type ConvGeometry, isPointwise } from './conv-geometry.js';
import type { ConvLowering } from './conv-lowering.js';
import { type Emitted, MICROSOFT_DOMAIN } from './emitter.js';
import { denseLayout, type Layout, planesLayout, sameLayout } from './layout.js';
import type { Lowered } from './lowered.js';
import { emitReduce } from './reduce.js';

const LAYOUT = planesLayout(5, 1);

/** Memory [i/B, o, B(i)] of a filter. */
function kernelByBlocks(block: number): Layout {
  return { splits: [3], block, perm: [3, 5, 4, 0, 1, 2] };
}

export function pointwiseApplies(ctx: LoweringContext, g: ConvGeometry, x: Lowered): boolean {
  const { block } = ctx.target;
  if (block === 0 || g.kernel.length !== 3 || !isPointwise(g)) return false;
  return sameLayout(x.primary, LAYOUT) || isInBlocks(ctx, x);
}

/** @param kernel memory [out, into] */
function convolve(ctx: LoweringContext, x: Lowered, kernel: Emitted, bias?: Lowered): Emitted {
  const { emitter } = ctx;
  const [batch, depth, height, width, into] = x.shape as [number, number, number, number, number];
  const out = kernel.shape[0]!;
  const image = emitter.reshape(x.as(LAYOUT), [batch * depth, into, height, width]);
  const inputs = [image, emitter.reshape(kernel, [out, into, 1, 1]), bias?.dense()];
  const value = emitter.node('Conv', inputs, { kernel_shape: [1, 1] }, [batch * depth, out, height, width]);
  return emitter.reshape(value, [batch, depth, out, height, width]);
}

function matrix(ctx: LoweringContext, filter: Lowered, perm: readonly number[]): Emitted {
  const memory = filter.as(denseLayout(perm));
  return ctx.emitter.reshape(memory, memory.shape.slice(0, 2));
}

function isInBlocks({ target }: LoweringContext, { primary }: Lowered): boolean {
  return sameLayout(primary, planesLayout(5, target.block));
}

/** Whether x lies in blocks while y has no whole ones: the last convolution of a network. */
function leavesBlocks(ctx: LoweringContext, x: Lowered, outChannels: number): boolean {
  return isInBlocks(ctx, x) && outChannels % ctx.target.block > 0;
}

/** `value` behind the first axis. */
function padded(ctx: LoweringContext, source: Emitted, length: number, value: number): Emitted {
  const [first, ...rest] = source.shape as [number, ...number[]];
  if (first === length) return source;
  const pads = [0, ...rest.map(() => 0), length - first, ...rest.map(() => 0)];
  return ctx.emitter.node('Pad', [source, ctx.emitter.int64(pads), ctx.emitter.float(value)], {}, [length, ...rest]);
}

/** Name of the form whose channels are padded to whole blocks, [b, d, c/B, h, w, B]; a softmax gives the padding zero. */
export const LANES = 'lanes';

/** Far below any logit, and its exponential is zero without being an infinity. */
const ABSENT = -1e30;

/** The outputs padded to whole blocks, so that no more than they is reordered and x is kept in one memory layout. */
function convolveBlocks(ctx: LoweringContext, node: Node, x: Lowered, filter: Lowered, bias?: Lowered): Lowered {
  const { emitter, target } = ctx;
  const { block } = target;
  const [batch, depth, height, width, into] = x.shape as [number, number, number, number, number];
  const out = filter.shape[4]!;
  const lanes = Math.ceil(out / block) * block;
  const rows = padded(ctx, matrix(ctx, filter, [4, 3, 0, 1, 2]), lanes, 0);
  const parted = emitter.reshape(rows, [lanes / block, block, into / block, block]);
  const kernel = emitter.reshape(emitter.transpose(parted, [0, 2, 3, 1]), [lanes, into, 1, 1]);
  const planes = batch * depth;
  const image = emitter.reshape(x.as(x.primary), [planes, into, height, width]);
  const attributes = { kernel_shape: [1, 1], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], group: 1 };
  const shift = padded(ctx, bias ? bias.dense() : emitter.float(0, [out]), lanes, ABSENT);
  const value = emitter.blocked('Conv', [image, kernel, shift], attributes, [planes, lanes, height, width]);
  const blocks = emitter.reshape(value, [batch, depth, lanes / block, height, width, block]);
  if (lanes === out) return ctx.result(node, 0, blocks, planesLayout(5, block));
  const dense = emitter.blocked('ReorderOutput', [value], { channels: out }, [planes, out, height, width]);
  const result = ctx.result(node, 0, emitter.reshape(dense, [batch, depth, out, height, width]), LAYOUT);
  result.extras.set(LANES, blocks);
  return result;
}

export const pointwiseConv: ConvLowering = (ctx, node, _g, x, filter, bias) => {
  if (isInBlocks(ctx, x)) return convolveBlocks(ctx, node, x, filter, bias);
  return ctx.result(node, 0, convolve(ctx, x, matrix(ctx, filter, [4, 3, 0, 1, 2]), bias), LAYOUT);
};

/** Fewer output channels than a block, which the internal convolution takes as they lie, to whole blocks of input channels. */
function convolveIntoBlocks(ctx: LoweringContext, node: Node, dy: Lowered, filter: Lowered, bias?: Lowered): Lowered {
  const { emitter, target } = ctx;
  const { block } = target;
  const [batch, depth, height, width, out] = dy.shape as [number, number, number, number, number];
  const into = filter.shape[3]!;
  const image = emitter.reshape(dy.as(LAYOUT), [batch * depth, out, height, width]);
  const kernel = emitter.reshape(filter.as(kernelByBlocks(block)), [into, out, 1, 1]);
  const attributes = { kernel_shape: [1, 1], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], group: 1 };
  const shape = [batch * depth, into, height, width];
  const value = emitter.blocked('Conv', [image, kernel, bias?.dense()], attributes, shape);
  const memory = emitter.reshape(value, [batch, depth, into / block, height, width, block]);
  return ctx.result(node, 0, memory, planesLayout(5, block));
}

export const pointwiseConvInput: ConvLowering = (ctx, node, g, dy, filter, bias) => {
  const { block } = ctx.target;
  if (g.inChannels % block === 0 && g.outChannels < block) return convolveIntoBlocks(ctx, node, dy, filter, bias);
  return ctx.result(node, 0, convolve(ctx, dy, matrix(ctx, filter, [3, 4, 0, 1, 2]), bias), LAYOUT);
};

/** Memory [i/B, o, B(i)]: every block of x times dy. */
function filterFromBlocks(ctx: LoweringContext, node: Node, x: Lowered, dy: Lowered): Lowered {
  const { emitter, target } = ctx;
  const { block } = target;
  const [batch, depth, height, width, into] = x.shape as [number, number, number, number, number];
  const out = dy.shape[4]!;
  const [planes, area, blocks] = [batch * depth, height * width, into / block];
  const left = emitter.reshape(dy.as(LAYOUT), [planes, 1, out, area]);
  const right = emitter.reshape(x.as(x.primary), [planes, blocks, area, block]);
  const value = emitter.node('MatMul', [left, right], {}, [planes, blocks, out, block]);
  const summed = emitReduce(ctx, 'ReduceSum', value, [0], false);
  const memory = emitter.reshape(summed, [blocks, out, block, 1, 1, 1]);
  return ctx.result(node, 0, memory, kernelByBlocks(block));
}

export function pointwiseConvFilter(ctx: LoweringContext, node: Node, x: Lowered, dy: Lowered): Lowered {
  const { emitter } = ctx;
  if (leavesBlocks(ctx, x, dy.shape[4]!)) return filterFromBlocks(ctx, node, x, dy);
  const [batch, depth, height, width, inChannels] = x.shape as [number, number, number, number, number];
  const outChannels = dy.shape[4]!;
  const planes = batch * depth;
  const left = emitter.reshape(x.as(LAYOUT), [planes, inChannels, height * width]);
  const right = emitter.reshape(dy.as(LAYOUT), [planes, outChannels, height * width]);
  const shape = [planes, inChannels, outChannels];
  const attributes = { transA: 0, transB: 1, alpha: { float: 1 } };
  const value = emitter.node('FusedMatMul', [left, right], attributes, shape, 'float32', MICROSOFT_DOMAIN);
  const summed = emitReduce(ctx, 'ReduceSum', value, [0], false);
  return ctx.result(node, 0, emitter.reshape(summed, node.outputs[0]!.shape));
}
