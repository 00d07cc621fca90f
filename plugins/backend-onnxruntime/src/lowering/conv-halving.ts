/** 2x2x2 convolutions of stride 2, their transposes and gradients, in channel-blocked memory: the steps between levels. */
import type { LoweringContext } from './context.js';
import type { ConvGradient, ConvLowering } from './conv-lowering.js';
import { correlate, planesOf, planesResult, sidesOf } from './conv-planes.js';
import { planesLayout } from './layout.js';
import { blockedActivation, slopeOf } from './leaky.js';
import type { Lowered } from './lowered.js';
import { takeAt } from './primitives.js';
import { emitReduce } from './reduce.js';

/** 2x2x2, stride 2: two planes in memory are one image of twice the channels. */
export const blockedHalve: ConvLowering = (ctx, node, g, x, filter, bias) => {
  const s = sidesOf(g.batch, g.input);
  const { emitter, target } = ctx;
  const pairs = (s.batch * s.depth) / 2;
  const image = emitter.reshape(planesOf(ctx, x, g.inChannels, s), [pairs, 2 * g.inChannels, s.height, s.width]);
  const memory = filter.as({ splits: [3, 4], block: target.block, perm: [5, 0, 3, 1, 2, 4, 6] });
  const kernel = emitter.reshape(memory, [g.outChannels, 2 * g.inChannels, 2, 2]);
  const attributes = {
    ...{ kernel_shape: [2, 2], strides: [2, 2], dilations: [1, 1], pads: [0, 0, 0, 0], group: 1 },
    ...blockedActivation(slopeOf(node)),
  };
  const shape = [pairs, g.outChannels, s.height / 2, s.width / 2];
  return planesResult(ctx, node, emitter.blocked('Conv', [image, kernel, bias?.dense()], attributes, shape));
};

/** Transposed 2x2x2, stride 2: eight pointwise products as output channels, then one interleave of whole blocks. */
export const blockedDouble: ConvLowering = (ctx, node, g, dy, filter, bias) => {
  const s = sidesOf(g.batch, g.output);
  const { emitter, target } = ctx;
  const { block } = target;
  const planes = s.batch * s.depth;
  const memory = filter.as({ splits: [3, 4], block, perm: [0, 1, 2, 3, 5, 6, 4] });
  const kernel = emitter.reshape(memory, [8 * g.inChannels, g.outChannels, 1, 1]);
  const image = emitter.reshape(planesOf(ctx, dy, g.outChannels, s), [planes, g.outChannels, 1, s.height * s.width]);
  const attributes = {
    ...{ kernel_shape: [1, 1], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], group: 1 },
    ...blockedActivation(slopeOf(node)),
  };
  const value = emitter.blocked('Conv', [image, kernel, bias && repeated(ctx, bias, 8)], attributes, [
    planes,
    8 * g.inChannels,
    1,
    s.height * s.width,
  ]);
  const size = (8 * g.inChannels * s.height * s.width) / block;
  const parted = emitter.reshape(value, [planes, size, block]);
  return planesResult(ctx, node, takeAt(ctx, parted, 1, interleaving(2, g.inChannels / block, s.height, s.width)));
};

/** Positions [kd, blocks, h, kh, w, kw] of memory [kd, kh, kw, blocks, h, w]: a gather uses all threads, a transpose one. */
export function interleaving(depth: 1 | 2, blocks: number, height: number, width: number): number[] {
  const positions: number[] = [];
  for (let kd = 0; kd < depth; kd++) {
    for (let row = 0; row < blocks * height * 2; row++) {
      const [kh, rest] = [row % 2, Math.floor(row / 2)];
      for (let column = 0; column < width * 2; column++) {
        const [kw, w] = [column % 2, Math.floor(column / 2)];
        positions.push((((kd * 2 + kh) * 2 + kw) * blocks * height + rest) * width + w);
      }
    }
  }
  return positions;
}

function repeated(ctx: LoweringContext, bias: Lowered, times: number) {
  const { emitter } = ctx;
  const channels = bias.shape[0]!;
  const shape = [times, channels];
  const inputs = [emitter.reshape(bias.dense(), [1, channels]), emitter.int64(shape)];
  return emitter.reshape(emitter.node('Expand', inputs, {}, shape), [times * channels]);
}

/** Filter gradient of the 2x2x2, stride 2 convolution: dy is the kernel, spread by two, for both planes of a pair. */
export const blockedHalveFilter: ConvGradient = (ctx, node, g, x, dy) => {
  const s = sidesOf(g.batch, g.input);
  const { emitter, target } = ctx;
  const { block } = target;
  const [inBlocks, outBlocks] = [g.inChannels / block, g.outChannels / block];
  const groups = (s.batch * s.depth) / 2;
  const products = correlate(ctx, {
    images: emitter.reshape(planesOf(ctx, x, g.inChannels, s), [groups, 2 * inBlocks, s.height, s.width * block]),
    kernels: emitter.reshape(dy.as(planesLayout(dy.rank, block)), [groups, g.outChannels, s.height / 2, s.width / 2]),
    taps: [2, 2 * block],
    dilations: [2, 2 * block],
    pads: [0, 0, 0, 0],
  });
  const parted = emitter.reshape(products, [2, inBlocks, groups, outBlocks, 2, 2, block, block]);
  const memory = emitReduce(ctx, 'ReduceSum', parted, [2], false);
  return ctx.result(node, 0, memory, { splits: [3, 4], block, perm: [0, 3, 5, 1, 2, 4, 6] });
};
