/** 3x3x3 convolutions of stride 1 in channel-blocked memory, forward and with respect to the input. */
import type { LoweringContext } from './context.js';
import type { ConvGradient, ConvLowering } from './conv-lowering.js';
import { type Margin, neighbours, planesOf, planesResult, type Sides, sidesOf } from './conv-planes.js';
import { marginOf } from './conv-strips.js';
import { groupDepth, tileGroups, tilingFor, winogradConv, winogradInput, winogradKernels } from './conv-winograd.js';
import type { Emitted } from './emitter.js';
import { blockedActivation, slopeOf } from './leaky.js';
import type { Lowered } from './lowered.js';
import { reversed } from './primitives.js';

/**
 * Width from which a convolution pads faster than it reads columns of zeros that were copied in: at its padded edges it
 * computes pixel by pixel. Half as fast at 12, equal at about 40.
 */
const PADDED_WIDTH = 48;

function ownMargin({ width }: Sides): Margin {
  return { below: 0, columns: width < PADDED_WIDTH ? 1 : 0 };
}

/** Both channel counts are whole blocks. Where a filter gradient takes the same transform, the margin is that one's. */
export const blockedConv: ConvLowering = (ctx, node, g, x, filter, bias) => {
  const s = sidesOf(g.batch, g.input);
  const channels = { into: g.inChannels, out: g.outChannels };
  const memory = filter.as({ splits: [3, 4], block: ctx.target.block, perm: [0, 5, 3, 1, 2, 4, 6] });
  const tiling = tilingFor(ctx, s, channels);
  const kernels = winogradKernels(ctx, memory, channels, tiling, false);
  const margin = ctx.filterInputs.has(node.inputs[0]!) ? marginOf(ctx, g) : ownMargin(s);
  const planes = planesOf(ctx, x, g.inChannels, s);
  const groups = tileGroups(ctx, s, channels, tiling).map((own) => {
    const input = winogradInput(ctx, planes, s, margin, own);
    const sides = { ...s, depth: groupDepth(s, own) };
    return winogradConv(ctx, input, kernels, sides, channels, own, bias?.dense());
  });
  return planesResult(ctx, node, oneBehindAnother(ctx, groups));
};

function oneBehindAnother({ emitter }: LoweringContext, groups: readonly Emitted[]): Emitted {
  const [first] = groups as [Emitted];
  if (groups.length === 1) return first;
  const [batch, , ...rest] = first.shape as [number, number, ...number[]];
  const depth = groups.reduce((sum, { shape }) => sum + shape[1]!, 0);
  return emitter.node('Concat', groups, { axis: 1 }, [batch, depth, ...rest]);
}

/** Memory [kd, i/B, o/B, kh, kw, B(o), B(i)] with (kh, kw) reversed. */
function mirroredInPlane(ctx: LoweringContext, filter: Lowered): Emitted {
  const { emitter, target } = ctx;
  const memory = filter.as({ splits: [3, 4], block: target.block, perm: [0, 3, 5, 1, 2, 6, 4] });
  const rows = emitter.reshape(memory, [3 * memory.shape[1]! * memory.shape[2]!, 9, target.block * target.block]);
  return reversed(ctx, rows, 1);
}

/** Gradient with respect to the input: the same with the mirrored filter. */
export const blockedConvInput: ConvGradient = (ctx, node, g, dy, filter) => {
  const s = sidesOf(g.batch, g.output);
  const channels = { into: g.outChannels, out: g.inChannels };
  const tiling = tilingFor(ctx, s, channels);
  const kernels = winogradKernels(ctx, mirroredInPlane(ctx, filter), channels, tiling, true);
  const input = winogradInput(ctx, planesOf(ctx, dy, g.outChannels, s), s, ownMargin(s), tiling);
  return planesResult(ctx, node, winogradConv(ctx, input, kernels, s, channels, tiling));
};

/** Fewer than a third of a block of input channels: the three planes under the filter become channels of one image. */
export const blockedFirstConv: ConvLowering = (ctx, node, g, x, filter, bias) => {
  const s = sidesOf(g.batch, g.input);
  const { emitter, target } = ctx;
  const channels = 3 * g.inChannels;
  const image = emitter.reshape(neighbours(ctx, x, s), [s.batch * s.depth, channels, s.height, s.width]);
  const memory = filter.as({ splits: [4], block: target.block, perm: [4, 0, 3, 1, 2, 5] });
  const kernel = emitter.reshape(memory, [g.outChannels, channels, 3, 3]);
  const attributes = {
    ...{ kernel_shape: [3, 3], dilations: [1, 1], strides: [1, 1], pads: [1, 1, 1, 1], group: 1 },
    ...blockedActivation(slopeOf(node)),
  };
  const shape = [s.batch * s.depth, g.outChannels, s.height, s.width];
  return planesResult(ctx, node, emitter.blocked('Conv', [image, kernel, bias?.dense()], attributes, shape));
};
