/** Gradients of convolutions with respect to their filter, in channel-blocked memory. */
import type { Node } from '../graph/ir.js';
import type { LoweringContext } from './context.js';
import type { ConvGeometry } from './conv-geometry.js';
import {
  filterResult,
  gather,
  groupsInside,
  halo,
  planesOf,
  type Sides,
  sidesOf,
  spreadPlanes,
} from './conv-planes.js';
import { filterTransformGradient, inputTransform, outputTransform, winogradApplies } from './conv-winograd.js';
import type { Emitted } from './emitter.js';
import type { Lowered } from './lowered.js';
import { emitReduce } from './reduce.js';

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
  if (!few && winogradApplies(s)) return filterByWinograd(ctx, node, g, image, dy, s);
  const planewise = 2 * halfBytes(s, block) > PLANEWISE_BYTES && groupable(s.batch * s.depth, block);
  return planewise ? filterByPlane(ctx, node, g, image, dy, s) : filterByVolume(ctx, node, g, image, dy, s);
}

/** Bytes of half a sample of one channel block. */
function halfBytes(s: Sides, block: number): number {
  return s.depth * s.height * s.width * block * 2;
}

/** Group counts that the internal operators take: whole blocks, or fewer than one. */
export function groupable(groups: number, block: number): boolean {
  return groups < block || groups % block === 0;
}

interface FilterImage {
  /** [b * blocks * d, h + 1, (w + 2) * inner] */
  readonly planes: Emitted;
  readonly inner: number;
  /** Blocks of input channels. */
  readonly blocks: number;
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

/** Bytes of half a sample of one channel block above which the Winograd products run plane by plane. */
const WINOGRAD_PLANEWISE_BYTES = 6_000_000;

/** Four products instead of six for every two planes: the gradient of the Winograd convolution by its kernels. */
function filterByWinograd(
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
  const half = s.depth / 2;
  const period = s.height + 1;
  const byPlane = halfBytes(s, block) > WINOGRAD_PLANEWISE_BYTES && groupable(s.batch * half, block);
  const groups = byPlane ? s.batch * half : s.batch;
  const rows = byPlane ? s.height : half * period;
  const dyPlanes = planesOf(ctx, dy, g.outChannels, s);
  const images = emitter.apart(() => inputTransform(ctx, groupsInside(ctx, x.planes, s.batch, x.blocks), s.depth));
  const kernels = outputTransform(ctx, byPlane ? dyPlanes : spreadPlanes(ctx, dyPlanes, 0), s.depth);
  const attributes = {
    kernel_shape: [rows, s.width],
    dilations: [1, block],
    strides: [1, 1],
    pads: [1, 0, byPlane ? 0 : 1, 0],
    group: groups,
  };
  const products = images.map((image, index) => {
    const columns = (s.width + 2) * block;
    const input = emitter.reshape(image, [x.blocks, groups, byPlane ? period : rows, columns]);
    const ordered = byPlane ? blocksInside(ctx, kernels[index]!, s.batch, outBlocks, half) : kernels[index]!;
    const kernel = emitter.reshape(ordered, [groups * g.outChannels, 1, rows, s.width]);
    const value = emitter.blocked('Conv', [input, kernel], attributes, [
      x.blocks,
      groups * g.outChannels,
      3,
      3 * block,
    ]);
    const parted = emitter.reshape(value, [x.blocks, groups, outBlocks, 3, 3, block, block]);
    return groups > 1 ? emitReduce(ctx, 'ReduceSum', parted, [1], false) : parted;
  });
  const memory = emitter.reshape(filterTransformGradient(ctx, products), [3, x.blocks, outBlocks, 3, 3, block, block]);
  return filterResult(ctx, node, memory, block, { splits: [3, 4], perm: [0, 3, 5, 1, 2, 4, 6] });
}

/** Memory order [b, planes, blocks, ...] out of [b, blocks, planes, ...]. */
function blocksInside(ctx: LoweringContext, value: Emitted, batch: number, blocks: number, planes: number): Emitted {
  if (blocks === 1) return value;
  const size = value.shape.reduce((a, b) => a * b, 1) / (batch * blocks * planes);
  const order: number[] = [];
  for (let sample = 0; sample < batch; sample++) {
    for (let plane = 0; plane < planes; plane++) {
      for (let block = 0; block < blocks; block++) order.push((sample * blocks + block) * planes + plane);
    }
  }
  return gather(ctx, ctx.emitter.reshape(value, [batch * blocks * planes, size]), order, 0);
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
