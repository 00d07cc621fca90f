/**
 * Convolutions in ONNX Runtime's channel-blocked memory [b, c/B, d, h, w, B], through its internal operators.
 *
 * Those operators are two-dimensional. Depth costs no copy: (d, h) is read as one tall axis with one zero row after each
 * plane, a 3x3x3 kernel becomes three (kd, kw) kernels whose row dilation is one plane, chained through the operator's
 * sum input. `halo` adds the zero row and one zero column on each side, so that rows never run into their neighbours.
 */
import type { Node } from '../graph/ir.js';
import type { LoweringContext } from './context.js';
import type { ConvGeometry } from './conv-geometry.js';
import type { Emitted } from './emitter.js';
import { blockedLayout, channelFirstLayout, type Layout } from './layout.js';
import type { Lowered } from './lowered.js';
import { emitReduce } from './reduce.js';

/** Name of the form that still holds the garbage row after each plane. Memory [b * c/B * d, h + 1, w * B]. */
export const SEPARATED = 'separated';

export interface Sides {
  readonly batch: number;
  readonly depth: number;
  readonly height: number;
  readonly width: number;
}

/** Sides of a volume; an image is a volume of one plane. */
export function sidesOf(batch: number, spatial: readonly number[]): Sides {
  const [depth, height, width] = spatial.length === 3 ? spatial : [1, ...spatial];
  return { batch, depth: depth!, height: height!, width: width! };
}

function blockedOf(ctx: LoweringContext, rank: number): Layout {
  return blockedLayout(rank, ctx.target.block);
}

export function gather(ctx: LoweringContext, x: Emitted, indices: readonly number[], axis: number): Emitted {
  const shape = x.shape.map((side, index) => (index === axis ? indices.length : side));
  return ctx.emitter.node('Gather', [x, ctx.emitter.int64(indices)], { axis }, shape, x.dtype);
}

/** Memory [b * c/B * d, h + 1, (w + 2) * inner] with zeros in the added row and columns. */
function halo(ctx: LoweringContext, planes: Emitted, inner: number): Emitted {
  return inner === 1 ? padPlanes(ctx, planes) : spreadPlanes(ctx, planes, 1);
}

function padPlanes(ctx: LoweringContext, planes: Emitted): Emitted {
  const { emitter } = ctx;
  const [count, height, row] = planes.shape as [number, number, number];
  return emitter.node('Pad', [planes, emitter.int64([0, 0, 1, 0, 1, 1]), emitter.float(0)], {}, [
    count,
    height + 1,
    row + 2,
  ]);
}

/**
 * Adds one zero row below each plane and `columns` zero columns on either side. A depthwise product by one whose padding
 * is larger than its kernel needs: the same copy as ONNX's Pad, which runs on one thread.
 */
export function spreadPlanes(ctx: LoweringContext, planes: Emitted, columns: number): Emitted {
  const { emitter, target } = ctx;
  const [count, height, row] = planes.shape as [number, number, number];
  const lanes = count * target.block;
  const width = row / target.block;
  const image = emitter.reshape(planes, [1, lanes, height, width]);
  const attributes = {
    kernel_shape: [1, 1],
    strides: [1, 1],
    dilations: [1, 1],
    pads: [0, columns, 1, columns],
    group: lanes,
  };
  const shape = [1, lanes, height + 1, width + 2 * columns];
  const value = emitter.blocked('Conv', [image, emitter.float(1, [lanes, 1, 1, 1])], attributes, shape);
  return emitter.reshape(value, [count, height + 1, (width + 2 * columns) * target.block]);
}

function planesOf(ctx: LoweringContext, x: Lowered, channels: number, s: Sides): Emitted {
  const { block } = ctx.target;
  return ctx.emitter.reshape(x.as(blockedOf(ctx, x.rank)), [
    (s.batch * channels * s.depth) / block,
    s.height,
    s.width * block,
  ]);
}

/** Filter layouts for [kd, kh, kw, i, o]: memory [kh, o/B, i/B, kd, kw, B(i), B(o)], or the same with i and o exchanged. */
function filterLayout(block: number, kind: 'forward' | 'backward' | 'few-inputs' | 'halving'): Layout {
  if (kind === 'few-inputs') return { splits: [4], block, perm: [1, 4, 3, 0, 2, 5] };
  if (kind === 'halving') return { splits: [3, 4], block, perm: [0, 5, 3, 1, 2, 4, 6] };
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

/** Wraps the chain's output: garbage rows are cut off unless the consumer does that itself. */
function separatedResult(ctx: LoweringContext, node: Node, value: Emitted, s: Sides, channels: number): Lowered {
  const { emitter } = ctx;
  const { block } = ctx.target;
  const rank = node.outputs[0]!.shape.length;
  const planes = (s.batch * channels * s.depth) / block;
  const separated = emitter.reshape(value, [planes, s.height + 1, s.width * block]);
  // A gather copies rows on all threads; a slice on one.
  const clean = gather(
    ctx,
    separated,
    Array.from({ length: s.height }, (_, row) => row),
    1,
  );
  const result = ctx.result(
    node,
    0,
    emitter.reshape(clean, [s.batch, channels / block, s.depth, s.height, s.width, block]),
    blockedOf(ctx, rank),
  );
  result.extras.set(SEPARATED, separated);
  return result;
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

/** Gradient of the 3x3x3 convolution with respect to its input. */
export function blockedConvInput(
  ctx: LoweringContext,
  node: Node,
  g: ConvGeometry,
  dy: Lowered,
  filter: Lowered,
): Lowered {
  const s = sidesOf(g.batch, g.output);
  const padded = halo(ctx, planesOf(ctx, dy, g.outChannels, s), ctx.target.block);
  const image = ctx.emitter.reshape(padded, [s.batch, g.outChannels, s.depth * (s.height + 1), s.width + 2]);
  const kernels = tapKernels(ctx, filter, 'backward', g.inChannels, g.outChannels);
  return separatedResult(ctx, node, chain(ctx, image, kernels, s, g.inChannels, 0), s, g.inChannels);
}

/** Memory of one sample's gradient (bytes) above which the filter gradient runs plane by plane, to stay in the cache. */
const PLANEWISE_BYTES = 1_500_000;

/**
 * Gradient of the 3x3x3 convolution with respect to its filter: a convolution whose kernel is dy itself. x is an image
 * with one channel per group whose rows hold (w, B(i)), so dy's blocked memory [.., h, w, B(o)] is already a kernel with
 * one input channel, spread by B along the rows, and the output rows are (kw, i). No operand is rearranged.
 */
export function blockedConvFilter(ctx: LoweringContext, node: Node, g: ConvGeometry, x: Lowered, dy: Lowered): Lowered {
  const s = sidesOf(g.batch, g.input);
  const { block } = ctx.target;
  const few = g.inChannels < block;
  const inner = few ? 1 : block;
  const planes = few
    ? ctx.emitter.reshape(x.dense(), [s.batch * s.depth, s.height, s.width])
    : planesOf(ctx, x, g.inChannels, s);
  const image: FilterImage = { planes: halo(ctx, planes, inner), inner, blocks: few ? 1 : g.inChannels / block };
  const bytes = s.depth * s.height * s.width * block * 4;
  const planewise = bytes > PLANEWISE_BYTES && (s.batch * s.depth) % block === 0;
  return planewise ? filterByPlane(ctx, node, g, image, dy, s) : filterByVolume(ctx, node, g, image, dy, s);
}

interface FilterImage {
  /** [b * blocks * d, h + 1, (w + 2) * inner] */
  readonly planes: Emitted;
  readonly inner: number;
  /** Blocks of input channels. */
  readonly blocks: number;
}

/** Memory order [blocks, b, ...] out of [b, blocks, ...]: samples are groups, channel blocks are the batch. */
export function groupsInside(ctx: LoweringContext, planes: Emitted, samples: number, blocks: number): Emitted {
  if (samples === 1 || blocks === 1) return planes;
  const size = planes.shape.reduce((a, b) => a * b, 1);
  const flat = ctx.emitter.reshape(planes, [samples * blocks, size / (samples * blocks)]);
  const order = Array.from(
    { length: samples * blocks },
    (_, index) => (index % samples) * blocks + Math.floor(index / samples),
  );
  return ctx.emitter.reshape(gather(ctx, flat, order, 0), planes.shape);
}

function filterByVolume(
  ctx: LoweringContext,
  node: Node,
  g: ConvGeometry,
  x: FilterImage,
  dy: Lowered,
  s: Sides,
): Lowered {
  const { emitter, target } = ctx;
  const { block } = target;
  const period = s.height + 1;
  const outBlocks = g.outChannels / block;
  const rows = s.depth * period;
  const image = emitter.reshape(groupsInside(ctx, x.planes, s.batch, x.blocks), [
    x.blocks,
    s.batch,
    rows,
    (s.width + 2) * x.inner,
  ]);
  const dyPlanes = planesOf(ctx, dy, g.outChannels, s);
  const spaced = spreadPlanes(ctx, dyPlanes, 0);
  const kernel = emitter.reshape(spaced, [s.batch * g.outChannels, 1, rows, s.width]);
  const taps = [-1, 0, 1].map((shift) => {
    const attributes = {
      kernel_shape: [rows, s.width],
      dilations: [1, x.inner],
      strides: [period, 1],
      pads: [period - shift, 0, period + shift, 0],
      group: s.batch,
    };
    const value = emitter.blocked('Conv', [image, kernel], attributes, [
      x.blocks,
      s.batch * g.outChannels,
      3,
      3 * x.inner,
    ]);
    const parted = emitter.reshape(value, [x.blocks, s.batch, outBlocks, 3, 3, x.inner, block]);
    const summed = s.batch > 1 ? emitReduce(ctx, 'ReduceSum', parted, [1], false) : parted;
    return emitter.reshape(summed, [1, x.blocks, outBlocks, 3, 3, x.inner, block]);
  });
  const memory = emitter.node('Concat', taps, { axis: 0 }, [3, ...taps[0]!.shape.slice(1)]);
  return filterResult(ctx, node, memory, x.inner, { splits: [3, 4], perm: [1, 3, 5, 0, 2, 4, 6] });
}

/** One group per plane; the three depth taps are three shifted copies of dy's planes as output channels. */
function filterByPlane(
  ctx: LoweringContext,
  node: Node,
  g: ConvGeometry,
  x: FilterImage,
  dy: Lowered,
  s: Sides,
): Lowered {
  const { emitter, target } = ctx;
  const { block } = target;
  const outBlocks = g.outChannels / block;
  const groups = s.batch * s.depth;
  const image = emitter.reshape(groupsInside(ctx, x.planes, s.batch, x.blocks), [
    x.blocks,
    groups,
    s.height + 1,
    (s.width + 2) * x.inner,
  ]);
  const { indices, valid } = shiftedPlanes(s, outBlocks);
  const kernel = emitter.reshape(gather(ctx, planesOf(ctx, dy, g.outChannels, s), indices, 0), [
    groups * 3 * g.outChannels,
    1,
    s.height,
    s.width,
  ]);
  const attributes = {
    kernel_shape: [s.height, s.width],
    dilations: [1, x.inner],
    strides: [1, 1],
    pads: [1, 0, 0, 0],
    group: groups,
  };
  const value = emitter.blocked('Conv', [image, kernel], attributes, [
    x.blocks,
    groups * 3 * g.outChannels,
    3,
    3 * x.inner,
  ]);
  const rest = outBlocks * 9 * x.inner * block;
  // One small matrix product sums over the planes and leaves out the shifts that fell outside the volume.
  const select = new Float32Array(3 * groups * 3);
  valid.forEach((ok, index) => {
    if (ok) select[(index % 3) * groups * 3 + index] = 1;
  });
  const selector = emitter.constant(select, [3, groups * 3], 'float32');
  const summed = emitter.node('MatMul', [selector, emitter.reshape(value, [x.blocks, groups * 3, rest])], {}, [
    x.blocks,
    3,
    rest,
  ]);
  const memory = emitter.reshape(summed, [x.blocks, 3, outBlocks, 3, 3, x.inner, block]);
  return filterResult(ctx, node, memory, x.inner, { splits: [3, 4], perm: [3, 0, 5, 1, 2, 4, 6] });
}

/** Planes of dy that meet plane d of x at depth taps 0, 1, 2: d + 1, d, d - 1. Outside planes are clamped and invalid. */
function shiftedPlanes(s: Sides, outBlocks: number): { indices: number[]; valid: boolean[] } {
  const indices: number[] = [];
  const valid: boolean[] = [];
  for (let sample = 0; sample < s.batch; sample++) {
    for (let plane = 0; plane < s.depth; plane++) {
      for (let tap = 0; tap < 3; tap++) {
        const source = plane + 1 - tap;
        valid.push(source >= 0 && source < s.depth);
        const clamped = Math.min(s.depth - 1, Math.max(0, source));
        for (let out = 0; out < outBlocks; out++) indices.push((sample * outBlocks + out) * s.depth + clamped);
      }
    }
  }
  return { indices, valid };
}

/** Which axes of a filter are split, and the order of the split axes in the gradient's memory. */
export interface FilterMemory {
  readonly splits: readonly [number, number];
  readonly perm: readonly number[];
}

/** Labels the gradient's memory. With one input channel (`inner` 1) only the output channels are split. */
export function filterResult(
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
  const memory = filter.as(filterLayout(block, 'halving'));
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
