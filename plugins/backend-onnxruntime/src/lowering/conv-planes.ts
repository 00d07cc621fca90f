/**
 * Planes of channel-blocked memory [b, d, c/B, h, w, B], as ONNX Runtime's internal two-dimensional operators take them:
 * every plane of a volume is an image.
 */
import type { Node } from '../graph/ir.js';
import type { LoweringContext } from './context.js';
import type { Emitted } from './emitter.js';
import { planesLayout } from './layout.js';
import type { Lowered } from './lowered.js';
import { takeAt } from './primitives.js';

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

/** Memory [b * d * c/B, h, w * B]. */
export function planesOf(ctx: LoweringContext, x: Lowered, channels: number, s: Sides): Emitted {
  const { block } = ctx.target;
  return ctx.emitter.reshape(x.as(planesLayout(x.rank, block)), [
    (s.batch * channels * s.depth) / block,
    s.height,
    s.width * block,
  ]);
}

/** Wraps planes as a node's result. */
export function planesResult(ctx: LoweringContext, node: Node, planes: Emitted): Lowered {
  const { block } = ctx.target;
  const [batch, ...rest] = node.outputs[0]!.shape as [number, ...number[]];
  const channels = rest[rest.length - 1]!;
  const memory = [batch, ...rest.slice(0, -3), channels / block, ...rest.slice(-3, -1), block];
  return ctx.result(node, 0, ctx.emitter.reshape(planes, memory), planesLayout(rest.length + 1, block));
}

/** Zeros around a plane: rows below it, columns on either side. */
export interface Margin {
  readonly below: 0 | 1;
  readonly columns: 0 | 1;
}

/**
 * Adds zero rows below each plane and zero columns on either side. A depthwise product by one whose padding is larger
 * than its kernel needs: the same copy as ONNX's Pad, which runs on one thread.
 */
export function spreadPlanes(ctx: LoweringContext, planes: Emitted, { below, columns }: Margin): Emitted {
  const { emitter, target } = ctx;
  const [count, height, row] = planes.shape as [number, number, number];
  const lanes = count * target.block;
  const width = row / target.block;
  const image = emitter.reshape(planes, [1, lanes, height, width]);
  const attributes = {
    kernel_shape: [1, 1],
    strides: [1, 1],
    dilations: [1, 1],
    pads: [0, columns, below, columns],
    group: lanes,
  };
  const shape = [1, lanes, height + below, width + 2 * columns];
  const value = emitter.blocked('Conv', [image, emitter.float(1, [lanes, 1, 1, 1])], attributes, shape);
  return emitter.reshape(value, [count, height + below, (width + 2 * columns) * target.block]);
}

/** Each plane of a volume between its neighbours, zeros outside: memory [b, d, 3, c, h, w]. */
export function neighbours(ctx: LoweringContext, x: Lowered, s: Sides): Emitted {
  const { emitter } = ctx;
  const channels = x.shape[x.rank - 1]!;
  const count = s.batch * s.depth;
  const area = channels * s.height * s.width;
  const planes = emitter.reshape(x.as(planesLayout(x.rank, 1)), [count, area]);
  const padded = emitter.node('Pad', [planes, emitter.int64([0, 0, 1, 0]), emitter.float(0)], {}, [count + 1, area]);
  const indices = Array.from({ length: 3 * count }, (_, index) => {
    const plane = (Math.floor(index / 3) % s.depth) + (index % 3) - 1;
    return plane < 0 || plane >= s.depth ? count : Math.floor(index / 3) + (index % 3) - 1;
  });
  return emitter.reshape(takeAt(ctx, padded, 0, indices), [s.batch, s.depth, 3, channels, s.height, s.width]);
}

interface Correlation {
  readonly images: Emitted;
  /** [groups, out, h, w] in blocked memory: [groups, out/B, h, w, B] */
  readonly kernels: Emitted;
  /** Height and width of the result. */
  readonly taps: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly pads: readonly number[];
}

/**
 * Correlates the n images of every group, [n, groups, rows, columns], with the group's kernels:
 * [n, groups, out/B * taps * B]. This is how filter gradients are computed: dy in blocked memory already is the kernel of
 * a convolution whose image x has one channel per group and (w, B(i)) along its rows; spread by B, its output rows are
 * (kw, i). No operand is rearranged.
 */
export function correlateWhole(ctx: LoweringContext, { images, kernels, taps, dilations, pads }: Correlation): Emitted {
  const { emitter } = ctx;
  const [n, groups] = images.shape as [number, number];
  const [, out, height, width] = kernels.shape as [number, number, number, number];
  const attributes = { kernel_shape: [height, width], strides: [1, 1], dilations, pads, group: groups };
  const inputs = [images, emitter.reshape(kernels, [groups * out, 1, height, width])];
  const value = emitter.blocked('Conv', inputs, attributes, [n, groups * out, ...taps]);
  return emitter.reshape(value, [n, groups, out * taps[0] * taps[1]]);
}

/** The same with images [groups, n, rows, columns], for any number of groups. */
export function correlate(ctx: LoweringContext, { images, kernels, ...rest }: Correlation): Emitted {
  const { emitter, target } = ctx;
  const [groups, n, rows, columns] = images.shape as [number, number, number, number];
  const [, out, height, width] = kernels.shape as [number, number, number, number];
  const chunks = groupChunks(groups, target.block);
  const flatImages = emitter.reshape(images, [groups * n, rows * columns]);
  const flatKernels = emitter.reshape(kernels, [groups, out * height * width]);
  const parts = chunks.map(({ start, count }) => {
    const order = Array.from(
      { length: n * count },
      (_, index) => (start + (index % count)) * n + Math.floor(index / count),
    );
    const image = n === 1 && count === groups ? flatImages : takeAt(ctx, flatImages, 0, order);
    const own = Array.from({ length: count }, (_, index) => start + index);
    const kernel = count === groups ? flatKernels : takeAt(ctx, flatKernels, 0, own);
    return correlateWhole(ctx, {
      images: emitter.reshape(image, [n, count, rows, columns]),
      kernels: emitter.reshape(kernel, [count, out, height, width]),
      ...rest,
    });
  });
  if (parts.length === 1) return parts[0]!;
  return emitter.node('Concat', parts, { axis: 1 }, [n, groups, parts[0]!.shape[2]!]);
}

/** Group counts that the internal operators take: whole blocks, or fewer than one. */
function groupChunks(groups: number, block: number): { readonly start: number; readonly count: number }[] {
  const whole = groups - (groups % block);
  return [
    { start: 0, count: whole },
    { start: whole, count: groups - whole },
  ].filter(({ count }) => count > 0);
}
