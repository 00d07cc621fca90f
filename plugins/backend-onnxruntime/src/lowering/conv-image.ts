/** Two-dimensional convolutions in channel-blocked memory [b, c/B, h, w, B]. */
import type { Node } from '../graph/ir.js';
import type { LoweringContext } from './context.js';
import { type ConvGeometry, onnxConvAttributes, product } from './conv-geometry.js';
import { interleaving } from './conv-halving.js';
import type { ConvGradient, ConvLowering } from './conv-lowering.js';
import { spreadPlanes } from './conv-planes.js';
import { stripImages } from './conv-strips.js';
import type { Emitted } from './emitter.js';
import { blockedLayout, channelFirstLayout, type Layout } from './layout.js';
import type { Lowered } from './lowered.js';
import { reversed, takeAt } from './primitives.js';
import { sumAway } from './reduce.js';

/** Memory of a filter [kh, kw, i, o]: [o/B, i/B, kh, kw, B(i), B(o)], the exchange of both, or [o/B, i, kh, kw, B(o)]. */
function filterLayout(block: number, kind: 'forward' | 'backward' | 'few-inputs'): Layout {
  if (kind === 'few-inputs') return { splits: [3], block, perm: [3, 2, 0, 1, 4] };
  return { splits: [2, 3], block, perm: kind === 'forward' ? [4, 2, 0, 1, 3, 5] : [2, 4, 0, 1, 5, 3] };
}

function emitConv(ctx: LoweringContext, x: Emitted, filter: Emitted, g: ConvGeometry, bias?: Emitted): Emitted {
  return ctx.emitter.blocked('Conv', [x, filter, bias], onnxConvAttributes(g), [g.batch, g.outChannels, ...g.output]);
}

function asImage(ctx: LoweringContext, x: Lowered): Emitted {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  return ctx.emitter.reshape(x.as(blockedLayout(4, ctx.target.block)), [batch, channels, height, width]);
}

function fromImage(ctx: LoweringContext, node: Node, value: Emitted): Lowered {
  const { block } = ctx.target;
  const [batch, channels, height, width] = value.shape as [number, number, number, number];
  const memory = ctx.emitter.reshape(value, [batch, channels / block, height, width, block]);
  return ctx.result(node, 0, memory, blockedLayout(4, block));
}

/** Any kernel and stride; the output channels are whole blocks, the input channels too or fewer than one. */
export const imageConv: ConvLowering = (ctx, node, g, x, filter, bias) => {
  const { block } = ctx.target;
  const few = g.inChannels < block;
  const image = few ? x.as(channelFirstLayout(4)) : asImage(ctx, x);
  const memory = filter.as(filterLayout(block, few ? 'few-inputs' : 'forward'));
  const kernel = ctx.emitter.reshape(memory, [g.outChannels, g.inChannels, ...g.kernel]);
  return fromImage(ctx, node, emitConv(ctx, image, kernel, g, bias?.dense()));
};

/** Gradient with respect to the input, stride 1: the mirrored filter with its channels exchanged. */
export const imageConvInput: ConvGradient = (ctx, node, g, dy, filter) => {
  const { emitter, target } = ctx;
  const { block } = target;
  const taps = product(g.kernel);
  const memory = filter.as(filterLayout(block, 'backward'));
  const rows = emitter.reshape(memory, [(g.inChannels * g.outChannels) / (block * block), taps, block * block]);
  const kernel = emitter.reshape(reversed(ctx, rows, 1), [g.inChannels, g.outChannels, ...g.kernel]);
  const before = g.kernel.map((side, axis) => side - 1 - g.padBefore[axis]!);
  const after = g.input.map((side, axis) => side - g.output[axis]! + g.kernel[axis]! - 1 - before[axis]!);
  const turned: ConvGeometry = {
    ...g,
    input: g.output,
    output: g.input,
    inChannels: g.outChannels,
    outChannels: g.inChannels,
    padBefore: before,
    padAfter: after,
  };
  return fromImage(ctx, node, emitConv(ctx, asImage(ctx, dy), kernel, turned));
};

/** Memory order [blocks, b, ...] out of [b, blocks, ...]: samples are groups, channel blocks are the batch. */
function groupsInside(ctx: LoweringContext, planes: Emitted, samples: number, blocks: number): Emitted {
  if (samples === 1 || blocks === 1) return planes;
  const size = planes.shape.reduce((a, b) => a * b, 1);
  const flat = ctx.emitter.reshape(planes, [samples * blocks, size / (samples * blocks)]);
  const order = Array.from(
    { length: samples * blocks },
    (_, index) => (index % samples) * blocks + Math.floor(index / samples),
  );
  return ctx.emitter.reshape(takeAt(ctx, flat, 0, order), planes.shape);
}

/** Which axes of a filter are split, and the order of the split axes in the gradient's memory. */
interface FilterMemory {
  readonly splits: readonly [number, number];
  readonly perm: readonly number[];
}

/** Labels the gradient's memory. With one input channel (`inner` 1) only the output channels are split. */
function filterResult(
  ctx: LoweringContext,
  node: Node,
  memory: Emitted,
  inner: number,
  { splits, perm }: FilterMemory,
): Lowered {
  const { block } = ctx.target;
  if (inner !== 1) return ctx.result(node, 0, memory, { splits, block, perm });
  const removed = splits[0] + 1;
  const whole = perm.filter((axis) => axis !== removed).map((axis) => (axis > removed ? axis - 1 : axis));
  const shape = memory.shape.filter((_, index) => perm[index] !== removed);
  return ctx.result(node, 0, ctx.emitter.reshape(memory, shape), { splits: [splits[1]], block, perm: whole });
}

/** Group counts that the internal operators take: whole blocks, or fewer than one. */
export function groupable(groups: number, block: number): boolean {
  return groups < block || groups % block === 0;
}

/** Bytes of a strip of dy that the filter gradient walks through at a time, to stay in the cache. */
const STRIP_BYTES = 262_144;

/** Rows per strip: a divisor of the height whose groups ONNX Runtime accepts (whole blocks, or fewer than one). */
function stripRows(g: ConvGeometry, block: number): number | undefined {
  const [height, width] = g.input as [number, number];
  const allowed = (rows: number) => {
    const groups = g.batch * (height / rows);
    return height % rows === 0 && (groups < block || groups % block === 0);
  };
  const candidates = Array.from({ length: height }, (_, index) => index + 1).filter(allowed);
  const small = candidates.filter((rows) => rows * width * block * 4 <= STRIP_BYTES);
  return small.length > 0 ? small[small.length - 1] : candidates[0];
}

export function hasStrips(ctx: LoweringContext, g: ConvGeometry): boolean {
  return stripRows(g, ctx.target.block) !== undefined;
}

/**
 * Filter gradient of the 3x3 convolution, stride 1: dy is the kernel (see `blockedConvFilter`). The image is cut into
 * strips of rows, one group each, so that a strip of dy and its rows of x stay in the cache.
 */
export const imageConvFilter: ConvGradient = (ctx, node, g, x, dy) => {
  const { emitter, target } = ctx;
  const { block } = target;
  const [height, width] = g.input as [number, number];
  const rows = stripRows(g, block)!;
  const strips = height / rows;
  const inner = g.inChannels === 1 ? 1 : block;
  const blocks = g.inChannels === 1 ? 1 : g.inChannels / block;
  const outBlocks = g.outChannels / block;
  const groups = g.batch * strips;

  const planes =
    inner === 1
      ? paddedPlanes(ctx, emitter.reshape(x.dense(), [g.batch, height, width]))
      : spreadPlanes(ctx, emitter.reshape(asImage(ctx, x), [g.batch * blocks, height, width * block]), {
          below: 1,
          columns: 1,
        });
  const image = stripImages(ctx, emitter.reshape(planes, [g.batch, 1, blocks, ...planes.shape.slice(1)]), strips);

  const parted = emitter.reshape(asImage(ctx, dy), [g.batch, outBlocks, strips, rows * width * block]);
  const kernel = emitter.reshape(emitter.transpose(parted, [0, 2, 1, 3]), [groups * g.outChannels, 1, rows, width]);
  const attributes = {
    kernel_shape: [rows, width],
    strides: [1, 1],
    dilations: [1, inner],
    pads: [0, 0, 0, 0],
    group: groups,
  };
  const value = emitter.blocked('Conv', [image, kernel], attributes, [blocks, groups * g.outChannels, 3, 3 * inner]);
  const taps = emitter.reshape(value, [blocks, groups, outBlocks, 3, 3, inner, block]);
  return filterResult(ctx, node, sumAway(ctx, taps, 1), inner, { splits: [2, 3], perm: [2, 4, 0, 1, 3, 5] });
};

function paddedPlanes(ctx: LoweringContext, planes: Emitted): Emitted {
  const { emitter } = ctx;
  const [count, height, width] = planes.shape as [number, number, number];
  return emitter.node('Pad', [planes, emitter.int64([0, 0, 1, 0, 1, 1]), emitter.float(0)], {}, [
    count,
    height + 1,
    width + 2,
  ]);
}

/** Transposed 2x2, stride 2: four pointwise products as output channels, then one interleave of whole blocks. */
export const imageDouble: ConvGradient = (ctx, node, g, dy, filter) => {
  const { emitter, target } = ctx;
  const { block } = target;
  const inBlocks = g.inChannels / block;
  const [height, width] = g.output as [number, number];
  const memory = filter.as({ splits: [2, 3], block, perm: [0, 1, 2, 4, 5, 3] });
  const kernel = emitter.reshape(memory, [4 * g.inChannels, g.outChannels, 1, 1]);
  const attributes = { kernel_shape: [1, 1], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], group: 1 };
  const value = emitter.blocked('Conv', [asImage(ctx, dy), kernel], attributes, [
    g.batch,
    4 * g.inChannels,
    height,
    width,
  ]);
  const parted = emitter.reshape(value, [g.batch, 4 * inBlocks * height * width, block]);
  const woven = takeAt(ctx, parted, 1, interleaving(1, inBlocks, height, width));
  const image = emitter.reshape(woven, [g.batch, inBlocks, 2 * height, 2 * width, block]);
  return ctx.result(node, 0, image, blockedLayout(4, block));
};

/** Filter gradient of the 2x2, stride 2 convolution: dy is the kernel, spread by two. */
export const imageHalveFilter: ConvGradient = (ctx, node, g, x, dy) => {
  const { emitter, target } = ctx;
  const { block } = target;
  const inBlocks = g.inChannels / block;
  const outBlocks = g.outChannels / block;
  const [height, width] = g.input as [number, number];
  const planes = emitter.reshape(asImage(ctx, x), [g.batch * inBlocks, height, width * block]);
  const image = emitter.reshape(groupsInside(ctx, planes, g.batch, inBlocks), [
    inBlocks,
    g.batch,
    height,
    width * block,
  ]);
  const kernel = emitter.reshape(asImage(ctx, dy), [g.batch * g.outChannels, 1, height / 2, width / 2]);
  const attributes = {
    kernel_shape: [height / 2, width / 2],
    strides: [1, 1],
    dilations: [2, 2 * block],
    pads: [0, 0, 0, 0],
    group: g.batch,
  };
  const value = emitter.blocked('Conv', [image, kernel], attributes, [inBlocks, g.batch * g.outChannels, 2, 2 * block]);
  const taps = emitter.reshape(value, [inBlocks, g.batch, outBlocks, 2, 2, block, block]);
  return filterResult(ctx, node, sumAway(ctx, taps, 1), block, { splits: [2, 3], perm: [2, 4, 0, 1, 3, 5] });
};
