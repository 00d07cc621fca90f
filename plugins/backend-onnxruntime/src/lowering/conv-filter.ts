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
