/** 1x1x1 convolutions of volumes whose planes are images in memory, [b, d, c, h, w] or blocked: any channel counts. */
import type { Node } from '../graph/ir.js';
import type { LoweringContext } from './context.js';
import { type ConvGeometry, isPointwise } from './conv-geometry.js';
import { type Emitted, MICROSOFT_DOMAIN } from './emitter.js';
import { denseLayout, planesLayout, sameLayout } from './layout.js';
import type { Lowered } from './lowered.js';
import { emitReduce } from './reduce.js';

const LAYOUT = planesLayout(5, 1);

export function pointwiseApplies(ctx: LoweringContext, g: ConvGeometry, x: Lowered): boolean {
  const { block } = ctx.target;
  if (block === 0 || g.kernel.length !== 3 || !isPointwise(g)) return false;
  return sameLayout(x.primary, LAYOUT) || sameLayout(x.primary, planesLayout(5, block));
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

export function pointwiseConv(ctx: LoweringContext, node: Node, x: Lowered, filter: Lowered, bias?: Lowered): Lowered {
  return ctx.result(node, 0, convolve(ctx, x, matrix(ctx, filter, [4, 3, 0, 1, 2]), bias), LAYOUT);
}

export function pointwiseConvInput(ctx: LoweringContext, node: Node, dy: Lowered, filter: Lowered, bias?: Lowered) {
  return ctx.result(node, 0, convolve(ctx, dy, matrix(ctx, filter, [3, 4, 0, 1, 2]), bias), LAYOUT);
}

export function pointwiseConvFilter(ctx: LoweringContext, node: Node, x: Lowered, dy: Lowered): Lowered {
  const { emitter } = ctx;
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
