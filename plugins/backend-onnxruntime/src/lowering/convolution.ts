import type { Node } from '../graph/ir.js';
import type { LoweringContext, LoweringTable } from './context.js';
import { blockedConv, blockedConvInput, blockedFirstConv } from './conv-blocked.js';
import { denseConv, denseConvFilter, denseConvInput } from './conv-dense.js';
import { blockedConvFilter, blockedFirstConvFilter } from './conv-filter.js';
import { type ConvGeometry, convGeometry, isHalving, isSameThree } from './conv-geometry.js';
import { blockedDouble, blockedHalve, blockedHalveFilter } from './conv-halving.js';
import {
  groupable,
  hasStrips,
  imageConv,
  imageConvFilter,
  imageConvInput,
  imageDouble,
  imageHalveFilter,
} from './conv-image.js';
import type { ConvLowering } from './conv-lowering.js';
import { pointwiseApplies, pointwiseConv, pointwiseConvFilter, pointwiseConvInput } from './conv-pointwise.js';
import { leakyRelu, slopeOf } from './leaky.js';
import type { Lowered } from './lowered.js';
import { bySamples, sumOverSamples } from './samples.js';
import { scaleChannels, scaledBeside } from './scaled-operand.js';

function wholeBlocks(ctx: LoweringContext, g: ConvGeometry): boolean {
  const { block } = ctx.target;
  return block > 0 && g.inChannels % block === 0 && g.outChannels % block === 0;
}

/** Few input channels that the internal operators accept as they are. */
function firstBlock(ctx: LoweringContext, g: ConvGeometry): boolean {
  const { block } = ctx.target;
  return block > 0 && g.inChannels < block && g.outChannels % block === 0;
}

/** So few input channels that three planes of them are less than a block. */
function firstPlanes(ctx: LoweringContext, g: ConvGeometry): boolean {
  return 3 * g.inChannels < ctx.target.block && g.outChannels % ctx.target.block === 0;
}

function is3d(g: ConvGeometry): boolean {
  return g.kernel.length === 3;
}

function is2d(g: ConvGeometry): boolean {
  return g.kernel.length === 2;
}

function hasUnitStride(g: ConvGeometry): boolean {
  return g.strides.every((stride) => stride === 1) && g.dilations.every((dilation) => dilation === 1);
}

/** Those that apply the leaky ReLU of their node themselves. */
const ACTIVATING: ReadonlySet<ConvLowering> = new Set([blockedFirstConv, blockedHalve, blockedDouble]);

function activated(
  lowering: ConvLowering,
  ...[ctx, node, g, x, filter, bias]: Parameters<ConvLowering>
): readonly Lowered[] {
  const value = lowering(ctx, node, g, x, filter, bias);
  const slope = slopeOf(node);
  if (slope === 1 || ACTIVATING.has(lowering)) return [value];
  return [ctx.result(node, 0, leakyRelu(ctx, value.as(value.primary), slope), value.primary)];
}

function convWay(ctx: LoweringContext, g: ConvGeometry, x: Lowered): ConvLowering {
  if (is3d(g) && wholeBlocks(ctx, g)) {
    if (isSameThree(g)) return blockedConv;
    if (isHalving(g)) return blockedHalve;
  }
  if (is2d(g) && (wholeBlocks(ctx, g) || firstBlock(ctx, g))) return imageConv;
  if (is3d(g) && firstPlanes(ctx, g) && isSameThree(g)) return blockedFirstConv;
  return pointwiseApplies(ctx, g, x) ? pointwiseConv : denseConv;
}

function conv(ctx: LoweringContext, node: Node, [x, filter, bias]: readonly Lowered[]): readonly Lowered[] {
  const g = convGeometry(node, x!.shape, node.outputs[0]!.shape, filter!.shape);
  const scaled = scaledBeside(x!, filter!.shape);
  const [image, own] = scaled ? [scaled.unscaled, scaleChannels(ctx, filter!, -2, scaled)] : [x!, filter!];
  return activated(convWay(ctx, g, image), ctx, node, g, image, own, bias);
}

function inputWay(ctx: LoweringContext, g: ConvGeometry, dy: Lowered, bias: Lowered | undefined): ConvLowering {
  if (is3d(g) && wholeBlocks(ctx, g)) {
    if (isSameThree(g) && !bias) return blockedConvInput;
    if (isHalving(g)) return blockedDouble;
  }
  if (is2d(g) && wholeBlocks(ctx, g) && !bias) {
    if (hasUnitStride(g)) return imageConvInput;
    if (isHalving(g)) return imageDouble;
  }
  return pointwiseApplies(ctx, g, dy) ? pointwiseConvInput : denseConvInput;
}

function convBackpropInput(
  ctx: LoweringContext,
  node: Node,
  [dy, filter, bias]: readonly Lowered[],
): readonly Lowered[] {
  const g = convGeometry(node, node.outputs[0]!.shape, dy!.shape, filter!.shape);
  const scaled = scaledBeside(dy!, filter!.shape);
  const [image, own] = scaled ? [scaled.unscaled, scaleChannels(ctx, filter!, -1, scaled)] : [dy!, filter!];
  return activated(inputWay(ctx, g, image, bias), ctx, node, g, image, own, bias);
}

function filterGradient(ctx: LoweringContext, node: Node, x: Lowered, dy: Lowered): Lowered {
  const g = convGeometry(node, x.shape, dy.shape, node.outputs[0]!.shape);
  if (is3d(g) && isSameThree(g)) {
    if (wholeBlocks(ctx, g)) return blockedConvFilter(ctx, node, g, x, dy);
    if (firstPlanes(ctx, g)) return blockedFirstConvFilter(ctx, node, g, x, dy);
  }
  if (
    is2d(g) &&
    isSameThree(g) &&
    hasStrips(ctx, g) &&
    (wholeBlocks(ctx, g) || (firstBlock(ctx, g) && g.inChannels === 1))
  ) {
    return imageConvFilter(ctx, node, g, x, dy);
  }
  if (is2d(g) && isHalving(g) && wholeBlocks(ctx, g) && groupable(g.batch, ctx.target.block))
    return imageHalveFilter(ctx, node, g, x, dy);
  if (is3d(g) && isHalving(g) && wholeBlocks(ctx, g)) return blockedHalveFilter(ctx, node, g, x, dy);
  if (pointwiseApplies(ctx, g, x) || pointwiseApplies(ctx, g, dy)) return pointwiseConvFilter(ctx, node, x, dy);
  return denseConvFilter(ctx, node, g, x, dy);
}

function convBackpropFilter(ctx: LoweringContext, node: Node, [x, dy]: readonly Lowered[]): readonly Lowered[] {
  const { shape } = node.outputs[0]!;
  const [into, out] = [scaledBeside(x!, shape), scaledBeside(dy!, shape)];
  let gradient = filterGradient(ctx, node, into?.unscaled ?? x!, out?.unscaled ?? dy!);
  if (into) gradient = scaleChannels(ctx, gradient, -2, into);
  if (out) gradient = scaleChannels(ctx, gradient, -1, out);
  return [gradient];
}

export const convolutionLowerings: LoweringTable = {
  Conv: bySamples(conv, 'first'),
  ConvBackpropInput: bySamples(convBackpropInput, 'first'),
  ConvBackpropFilter: sumOverSamples(convBackpropFilter),
};
