/** 2x2x2 convolutions of stride 2, their transposes and gradients, in channel-blocked memory: the steps between levels. */
import type { Node } from '../graph/ir.js';
import type { LoweringContext } from './context.js';
import type { ConvGeometry } from './conv-geometry.js';
import { blockedOf, filterResult, gather, planesOf, type Sides, sidesOf } from './conv-planes.js';
import type { Emitted } from './emitter.js';
import type { Lowered } from './lowered.js';
import { emitReduce } from './reduce.js';

/** Planes of one parity, [b, c, d/2 * h, w], in blocked memory; `groups` puts samples inside channel blocks. */
function parityPlanes(
  ctx: LoweringContext,
  x: Lowered,
  channels: number,
  s: Sides,
  parity: number,
  groups: boolean,
): Emitted {
  const blocks = channels / ctx.target.block;
  const indices: number[] = [];
  const push = (sample: number, block: number) => {
    for (let plane = parity; plane < s.depth; plane += 2) indices.push((sample * blocks + block) * s.depth + plane);
  };
  if (groups)
    for (let block = 0; block < blocks; block++) for (let sample = 0; sample < s.batch; sample++) push(sample, block);
  else
    for (let sample = 0; sample < s.batch; sample++) for (let block = 0; block < blocks; block++) push(sample, block);
  return gather(ctx, planesOf(ctx, x, channels, s), indices, 0);
}

/** 2x2x2, stride 2: one 2x2 convolution per depth parity. */
export function blockedHalve(
  ctx: LoweringContext,
  node: Node,
  g: ConvGeometry,
  x: Lowered,
  filter: Lowered,
  bias?: Lowered,
): Lowered {
  const s = sidesOf(g.batch, g.input);
  const { emitter, target } = ctx;
  const { block } = target;
  const memory = filter.as({ splits: [3, 4], block, perm: [0, 5, 3, 1, 2, 4, 6] });
  const shape = [s.batch, g.outChannels, (s.depth / 2) * (s.height / 2), s.width / 2];
  let sum: Emitted | undefined;
  for (const parity of [0, 1]) {
    const image = emitter.reshape(parityPlanes(ctx, x, g.inChannels, s, parity, false), [
      s.batch,
      g.inChannels,
      (s.depth / 2) * s.height,
      s.width,
    ]);
    const kernel = emitter.reshape(gather(ctx, memory, [parity], 0), [g.outChannels, g.inChannels, 2, 2]);
    const attributes = { kernel_shape: [2, 2], strides: [2, 2], dilations: [1, 1], pads: [0, 0, 0, 0], group: 1 };
    sum = emitter.blocked('Conv', [image, kernel, parity === 0 ? bias?.dense() : undefined, sum], attributes, shape);
  }
  const rank = x.rank;
  const out = [s.batch, g.outChannels / block, s.depth / 2, s.height / 2, s.width / 2, block];
  return ctx.result(node, 0, emitter.reshape(sum!, out), blockedOf(ctx, rank));
}

/** Transposed 2x2x2, stride 2: eight pointwise products as output channels, then one interleave of whole blocks. */
export function blockedDouble(
  ctx: LoweringContext,
  node: Node,
  g: ConvGeometry,
  dy: Lowered,
  filter: Lowered,
  bias?: Lowered,
): Lowered {
  const s = sidesOf(g.batch, g.output);
  const { emitter, target } = ctx;
  const { block } = target;
  const inBlocks = g.inChannels / block;
  const memory = filter.as({ splits: [3, 4], block, perm: [0, 1, 2, 3, 5, 6, 4] });
  const kernel = emitter.reshape(memory, [8 * g.inChannels, g.outChannels, 1, 1]);
  const image = emitter.reshape(dy.as(blockedOf(ctx, dy.rank)), [s.batch, g.outChannels, s.depth, s.height * s.width]);
  const spread = bias
    ? emitter.reshape(
        emitter.node(
          'Expand',
          [emitter.reshape(bias.dense(), [1, g.inChannels]), emitter.int64([8, g.inChannels])],
          {},
          [8, g.inChannels],
        ),
        [8 * g.inChannels],
      )
    : undefined;
  const attributes = { kernel_shape: [1, 1], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], group: 1 };
  const value = emitter.blocked('Conv', [image, kernel, spread], attributes, [
    s.batch,
    8 * g.inChannels,
    s.depth,
    s.height * s.width,
  ]);
  const parted = emitter.reshape(value, [s.batch, 2, 2, 2, inBlocks, s.depth, s.height, s.width, block]);
  const woven = emitter.transpose(parted, [0, 4, 5, 1, 6, 2, 7, 3, 8]);
  const out = [s.batch, inBlocks, 2 * s.depth, 2 * s.height, 2 * s.width, block];
  return ctx.result(node, 0, emitter.reshape(woven, out), blockedOf(ctx, dy.rank));
}

/** Filter gradient of the 2x2x2, stride 2 convolution, one depth parity at a time; dy is the kernel, spread by two. */
export function blockedHalveFilter(
  ctx: LoweringContext,
  node: Node,
  g: ConvGeometry,
  x: Lowered,
  dy: Lowered,
): Lowered {
  const s = sidesOf(g.batch, g.input);
  const { emitter, target } = ctx;
  const { block } = target;
  const inBlocks = g.inChannels / block;
  const outBlocks = g.outChannels / block;
  const rows = (s.depth / 2) * (s.height / 2);
  const kernel = emitter.reshape(dy.as(blockedOf(ctx, dy.rank)), [s.batch * g.outChannels, 1, rows, s.width / 2]);
  const taps = [0, 1].map((parity) => {
    const planes = parityPlanes(ctx, x, g.inChannels, s, parity, true);
    const image = emitter.reshape(planes, [inBlocks, s.batch, (s.depth / 2) * s.height, s.width * block]);
    const attributes = {
      kernel_shape: [rows, s.width / 2],
      strides: [1, 1],
      dilations: [2, 2 * block],
      pads: [0, 0, 0, 0],
      group: s.batch,
    };
    const value = emitter.blocked('Conv', [image, kernel], attributes, [
      inBlocks,
      s.batch * g.outChannels,
      2,
      2 * block,
    ]);
    const parted = emitter.reshape(value, [inBlocks, s.batch, outBlocks, 2, 2, block, block]);
    const summed = s.batch > 1 ? emitReduce(ctx, 'ReduceSum', parted, [1], false) : parted;
    return emitter.reshape(summed, [1, inBlocks, outBlocks, 2, 2, block, block]);
  });
  const memory = emitter.node('Concat', taps, { axis: 0 }, [2, ...taps[0]!.shape.slice(1)]);
  return filterResult(ctx, node, memory, block, { splits: [3, 4], perm: [0, 3, 5, 1, 2, 4, 6] });
}
