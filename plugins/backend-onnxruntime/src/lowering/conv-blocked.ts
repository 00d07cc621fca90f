/** 3x3x3 convolutions in channel-blocked memory, forward and with respect to the input. */
import type { Node } from '../graph/ir.js';
import type { LoweringContext } from './context.js';
import type { ConvGeometry } from './conv-geometry.js';
import { gather, halo, planesOf, type Sides, separatedResult, sidesOf } from './conv-planes.js';
import { winogradApplies, winogradConv, winogradKernels } from './conv-winograd.js';
import type { Emitted } from './emitter.js';
import { channelFirstLayout, type Layout } from './layout.js';
import type { Lowered } from './lowered.js';

/** Filter layouts for [kd, kh, kw, i, o]: memory [kh, o/B, i/B, kd, kw, B(i), B(o)], or the same with i and o exchanged. */
function filterLayout(block: number, kind: 'forward' | 'backward' | 'few-inputs'): Layout {
  if (kind === 'few-inputs') return { splits: [4], block, perm: [1, 4, 3, 0, 2, 5] };
  return { splits: [3, 4], block, perm: kind === 'forward' ? [1, 5, 3, 0, 2, 4, 6] : [1, 3, 5, 0, 2, 6, 4] };
}

/** The three (kd, kw) kernels of a 3x3x3 filter, in the order in which rows h - 1, h, h + 1 are read. */
function tapKernels(
  ctx: LoweringContext,
  filter: Lowered,
  kind: 'forward' | 'backward' | 'few-inputs',
  out: number,
  into: number,
): Emitted[] {
  const { emitter } = ctx;
  const memory = filter.as(filterLayout(ctx.target.block, kind));
  const rows = emitter.reshape(memory, [
    3,
    memory.shape[1]! * memory.shape[2]!,
    9,
    memory.shape.slice(5).reduce((a, b) => a * b, 1),
  ]);
  // The gradient correlates with the mirrored filter: (kd, kw) reversed here, kh by the order of use.
  const mirrored = kind === 'backward' ? gather(ctx, rows, [8, 7, 6, 5, 4, 3, 2, 1, 0], 2) : rows;
  const order = kind === 'backward' ? [2, 1, 0] : [0, 1, 2];
  return order.map((row) => emitter.reshape(gather(ctx, mirrored, [row], 0), [out, into, 3, 3]));
}

/** Three chained convolutions over an input [b, c, d * (h + 1), w] whose rows h - 1, h, h + 1 meet the three kernels. */
function chain(
  ctx: LoweringContext,
  image: Emitted,
  kernels: readonly Emitted[],
  s: Sides,
  channels: number,
  padWidth: number,
  bias?: Emitted,
): Emitted {
  const period = s.height + 1;
  const shape = [s.batch, channels, s.depth * period, s.width];
  let sum: Emitted | undefined;
  kernels.forEach((kernel, row) => {
    const shift = 1 - row;
    const attributes = {
      kernel_shape: [3, 3],
      dilations: [period, 1],
      strides: [1, 1],
      pads: [period + shift, padWidth, period - shift, padWidth],
      group: 1,
    };
    sum = ctx.emitter.blocked('Conv', [image, kernel, row === 0 ? bias : undefined, sum], attributes, shape);
  });
  return sum!;
}

/** 3x3x3, stride 1, with i and o whole blocks. */
export function blockedConv(
  ctx: LoweringContext,
  node: Node,
  g: ConvGeometry,
  x: Lowered,
  filter: Lowered,
  bias?: Lowered,
): Lowered {
  const s = sidesOf(g.batch, g.input);
  const { block } = ctx.target;
  const padded = halo(ctx, planesOf(ctx, x, g.inChannels, s), block);
  if (winogradApplies(s)) {
    const memory = filter.as({ splits: [3, 4], block, perm: [0, 5, 3, 1, 2, 4, 6] });
    const kernels = winogradKernels(ctx, memory, g.outChannels, g.inChannels, false);
    const channels = { into: g.inChannels, out: g.outChannels };
    return separatedResult(ctx, node, winogradConv(ctx, padded, kernels, s, channels, bias?.dense()), s, g.outChannels);
  }
  const image = ctx.emitter.reshape(padded, [s.batch, g.inChannels, s.depth * (s.height + 1), s.width + 2]);
  const kernels = tapKernels(ctx, filter, 'forward', g.outChannels, g.inChannels);
  return separatedResult(ctx, node, chain(ctx, image, kernels, s, g.outChannels, 0, bias?.dense()), s, g.outChannels);
}

/** 3x3x3, stride 1, fewer input channels than a block: the first convolution of a network. */
export function blockedFirstConv(
  ctx: LoweringContext,
  node: Node,
  g: ConvGeometry,
  x: Lowered,
  filter: Lowered,
  bias?: Lowered,
): Lowered {
  const s = sidesOf(g.batch, g.input);
  const { emitter } = ctx;
  const planes = emitter.reshape(x.as(channelFirstLayout(x.rank)), [
    s.batch * g.inChannels * s.depth,
    s.height,
    s.width,
  ]);
  const image = emitter.reshape(halo(ctx, planes, 1), [s.batch, g.inChannels, s.depth * (s.height + 1), s.width + 2]);
  const kernels = tapKernels(ctx, filter, 'few-inputs', g.outChannels, g.inChannels);
  return separatedResult(ctx, node, chain(ctx, image, kernels, s, g.outChannels, 0, bias?.dense()), s, g.outChannels);
}

/** Memory [kd, i/B, o/B, kh, kw, B(o), B(i)] with (kh, kw) reversed. */
function mirroredInPlane(ctx: LoweringContext, filter: Lowered): Emitted {
  const { emitter, target } = ctx;
  const memory = filter.as({ splits: [3, 4], block: target.block, perm: [0, 3, 5, 1, 2, 6, 4] });
  const rows = emitter.reshape(memory, [3 * memory.shape[1]! * memory.shape[2]!, 9, target.block * target.block]);
  return gather(ctx, rows, [8, 7, 6, 5, 4, 3, 2, 1, 0], 1);
}

/** Gradient of the 3x3x3 convolution with respect to its input. */
export function blockedConvInput(
  ctx: LoweringContext,
  node: Node,
  g: ConvGeometry,
  dy: Lowered,
  filter: Lowered,
): Lowered {
  const s = sidesOf(g.batch, g.output);
  const { block } = ctx.target;
  const padded = halo(ctx, planesOf(ctx, dy, g.outChannels, s), block);
  if (winogradApplies(s)) {
    const kernels = winogradKernels(ctx, mirroredInPlane(ctx, filter), g.inChannels, g.outChannels, true);
    const channels = { into: g.outChannels, out: g.inChannels };
    return separatedResult(ctx, node, winogradConv(ctx, padded, kernels, s, channels), s, g.inChannels);
  }
  const image = ctx.emitter.reshape(padded, [s.batch, g.outChannels, s.depth * (s.height + 1), s.width + 2]);
  const kernels = tapKernels(ctx, filter, 'backward', g.inChannels, g.outChannels);
  return separatedResult(ctx, node, chain(ctx, image, kernels, s, g.inChannels, 0), s, g.inChannels);
}
