/** Gradients of 3x3x3 convolutions with respect to their filter, in channel-blocked memory. */
import type { LoweringContext } from './context.js';
import type { ConvGeometry } from './conv-geometry.js';
import type { ConvGradient } from './conv-lowering.js';
import { correlate, correlateWhole, neighbours, planesOf, type Sides, sidesOf } from './conv-planes.js';
import { partsOf, samplesOf } from './conv-samples.js';
import { marginOf, stripImages, stripPlanes, stripsOf } from './conv-strips.js';
import { filterGradientMatrix, winogradInput, winogradOutputGradient } from './conv-winograd.js';
import type { Emitted } from './emitter.js';
import { emitReduce } from './reduce.js';

/** Both channel counts are whole blocks: the gradients of Winograd's kernels, summed into those of the depth taps. */
export const blockedConvFilter: ConvGradient = (ctx, node, whole, x, dy) => {
  const { emitter, target } = ctx;
  const { block } = target;
  const parts = partsOf(whole, Math.max(whole.inChannels, whole.outChannels));
  const g = { ...whole, batch: whole.batch / parts };
  const s = sidesOf(whole.batch, whole.input);
  const [images, gradients] = [planesOf(ctx, x, g.inChannels, s), planesOf(ctx, dy, g.outChannels, s)];
  const sums = Array.from({ length: parts }, (_, part) =>
    filterGradient(ctx, g, samplesOf(ctx, images, part, parts), samplesOf(ctx, gradients, part, parts)),
  );
  const summed = sums.reduce((total, sum) => emitter.node('Add', [total, sum], {}, total.shape));
  const memory = emitter.reshape(summed, [
    ...[g.inChannels / block, 3, g.outChannels / block],
    ...[3, 3, block, block],
  ]);
  return ctx.result(node, 0, memory, { splits: [3, 4], block, perm: [3, 0, 5, 1, 2, 4, 6] });
};

/** The gradient over the samples of `g`, [i/B, 3, (o/B, kh, kw, B(o), B(i))], from planes of x and of dy. */
function filterGradient(ctx: LoweringContext, g: ConvGeometry, images: Emitted, gradients: Emitted): Emitted {
  const s = sidesOf(g.batch, g.input);
  const { emitter, target } = ctx;
  const { block } = target;
  const [inBlocks, outBlocks] = [g.inChannels / block, g.outChannels / block];
  const input = winogradInput(ctx, images, s, marginOf(ctx, g));
  const strips = stripsOf(ctx, g);
  const kernels = winogradOutputGradient(ctx, stripPlanes(ctx, gradients, g, strips), s);
  const groups = input.shape[0]! * input.shape[1]! * strips;
  const operands = {
    kernels: emitter.reshape(kernels, [groups, g.outChannels, s.height / strips, s.width]),
    taps: [3, 3 * block],
    dilations: [1, block],
  } as const;
  const products =
    strips === 1
      ? correlate(ctx, {
          ...operands,
          images: emitter.reshape(input, [groups, inBlocks, s.height, (s.width + 2) * block]),
          pads: [1, 0, 1, 0],
        })
      : correlateWhole(ctx, { ...operands, images: stripImages(ctx, input, strips), pads: [0, 0, 0, 0] });
  const rest = outBlocks * 9 * block * block;
  const inputs = [filterGradientMatrix(ctx, s, strips), emitter.reshape(products, [inBlocks, groups, rest])];
  return emitter.node('MatMul', inputs, {}, [inBlocks, 3, rest]);
}

/**
 * Fewer than a third of a block of input channels: the planes of x at the three depth taps are the channels of one image,
 * side by side in its rows, that meets each plane of dy. A result of (kw, kd, i) columns keeps more of the kernel's
 * products in registers than three of kw.
 */
export const blockedFirstConvFilter: ConvGradient = (ctx, node, g, x, dy) => {
  const s: Sides = sidesOf(g.batch, g.input);
  const { emitter, target } = ctx;
  const { block } = target;
  const groups = s.batch * s.depth;
  const channels = 3 * g.inChannels;
  const planes = emitter.reshape(neighbours(ctx, x, s), [groups, channels, s.height, s.width]);
  const pads = emitter.int64([0, 0, 0, 1, 0, 0, 0, 1]);
  const padded = emitter.node('Pad', [planes, pads, emitter.float(0)], {}, [groups, channels, s.height, s.width + 2]);
  const flat = emitter.reshape(padded, [groups, channels, s.height * (s.width + 2)]);
  const images = emitter.transpose(flat, [0, 2, 1]);
  const products = correlate(ctx, {
    images: emitter.reshape(images, [groups, 1, s.height, (s.width + 2) * channels]),
    kernels: emitter.reshape(planesOf(ctx, dy, g.outChannels, s), [groups, g.outChannels, s.height, s.width]),
    taps: [3, 3 * channels],
    dilations: [1, channels],
    pads: [1, 0, 1, 0],
  });
  const parted = emitter.reshape(products, [groups, g.outChannels / block, 3, 3, 3, g.inChannels, block]);
  const memory = emitReduce(ctx, 'ReduceSum', parted, [0], false);
  return ctx.result(node, 0, memory, { splits: [4], block, perm: [4, 1, 2, 0, 3, 5] });
};
