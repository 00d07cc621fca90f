import type { ConvGradient } from './conv-lowering.js';
import { correlate, correlateWhole, neighbours, planesOf, type Sides, sidesOf } from './conv-planes.js';
import { marginOf, stripImages, stripPlanes, stripsOf } from './conv-strips.js';
import { filterGradientMatrix, tilingOf, winogradInput, winogradOutputGradient } from './conv-winograd.js';
import { emitReduce } from './reduce.js';

/** Both channel counts are whole blocks: the gradients of Winograd's kernels, summed into those of the depth taps. */
export const blockedConvFilter: ConvGradient = (ctx, node, g, x, dy) => {
  const s = sidesOf(g.batch, g.input);
  const { emitter, target } = ctx;
  const { block } = target;
  const [inBlocks, outBlocks] = [g.inChannels / block, g.outChannels / block];
  const [images, gradients] = [planesOf(ctx, x, g.inChannels, s), planesOf(ctx, dy, g.outChannels, s)];
  const input = winogradInput(ctx, images, s, marginOf(ctx, g), tilingOf(s.depth));
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
  const summed = emitter.node('MatMul', inputs, {}, [inBlocks, 3, rest]);
  const memory = emitter.reshape(summed, [inBlocks, 3, outBlocks, 3, 3, block, block]);
  return ctx.result(node, 0, memory, { splits: [3, 4], block, perm: [3, 0, 5, 1, 2, 4, 6] });
};

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
