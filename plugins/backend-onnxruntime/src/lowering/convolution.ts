import type { Node } from '../graph/ir.js';
import type { LoweringContext, LoweringTable } from './context.js';
import {
  blockedConv,
  blockedConvFilter,
  blockedConvInput,
  blockedDouble,
  blockedFirstConv,
  blockedHalve,
  blockedHalveFilter,
} from './conv-blocked.js';
import { denseConv, denseConvFilter, denseConvInput } from './conv-dense.js';
import { type ConvGeometry, convGeometry, isHalving, isSameThree } from './conv-geometry.js';
import type { Lowered } from './lowered.js';

function wholeBlocks(ctx: LoweringContext, g: ConvGeometry): boolean {
  const { block } = ctx.target;
  return block > 0 && g.inChannels % block === 0 && g.outChannels % block === 0;
}

/** Few input channels that the internal operators accept as they are. */
function firstBlock(ctx: LoweringContext, g: ConvGeometry): boolean {
  const { block } = ctx.target;
  return block > 0 && g.inChannels < block && g.outChannels % block === 0;
}

function is3d(g: ConvGeometry): boolean {
  return g.kernel.length === 3;
}

function conv(ctx: LoweringContext, node: Node, [x, filter, bias]: readonly Lowered[]): readonly Lowered[] {
  const g = convGeometry(node, x!.shape, node.outputs[0]!.shape, filter!.shape);
  if (is3d(g) && wholeBlocks(ctx, g)) {
    if (isSameThree(g)) return [blockedConv(ctx, node, g, x!, filter!, bias)];
    if (isHalving(g)) return [blockedHalve(ctx, node, g, x!, filter!, bias)];
  }
  if (is3d(g) && firstBlock(ctx, g) && isSameThree(g)) return [blockedFirstConv(ctx, node, g, x!, filter!, bias)];
  return [denseConv(ctx, node, g, x!, filter!, bias)];
}

function convBackpropInput(
  ctx: LoweringContext,
  node: Node,
  [dy, filter, bias]: readonly Lowered[],
): readonly Lowered[] {
  const g = convGeometry(node, node.outputs[0]!.shape, dy!.shape, filter!.shape);
  if (is3d(g) && wholeBlocks(ctx, g)) {
    if (isSameThree(g) && !bias) return [blockedConvInput(ctx, node, g, dy!, filter!)];
    if (isHalving(g)) return [blockedDouble(ctx, node, g, dy!, filter!, bias)];
  }
  return [denseConvInput(ctx, node, g, dy!, filter!, bias)];
}

function convBackpropFilter(ctx: LoweringContext, node: Node, [x, dy]: readonly Lowered[]): readonly Lowered[] {
  const g = convGeometry(node, x!.shape, dy!.shape, node.outputs[0]!.shape);
  if (is3d(g) && isSameThree(g) && (wholeBlocks(ctx, g) || (firstBlock(ctx, g) && g.inChannels === 1))) {
    return [blockedConvFilter(ctx, node, g, x!, dy!)];
  }
  if (is3d(g) && isHalving(g) && wholeBlocks(ctx, g)) return [blockedHalveFilter(ctx, node, g, x!, dy!)];
  return [denseConvFilter(ctx, node, g, x!, dy!)];
}

export const convolutionLowerings: LoweringTable = {
  Conv: conv,
  ConvBackpropInput: convBackpropInput,
  ConvBackpropFilter: convBackpropFilter,
};
