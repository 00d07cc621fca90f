/**
 * 3x3x3 convolution with Winograd's F(2, 3) along depth (Lavin & Gray 2016, arXiv 1509.09308, eq. 3-5): two planes of
 * output from four plane convolutions instead of six. With input planes x0..x3 and depth taps g0..g2,
 *   u = (x0 - x2, x1 + x2, x2 - x1, x1 - x3), k = (g0, (g0 + g1 + g2) / 2, (g0 - g1 + g2) / 2, g2), t = u * k,
 *   y0 = t0 + t1 + t2, y1 = t1 - t2 - t3.
 * The sums over planes are depthwise products along depth; the sums of y ride on the operators' sum input.
 */
import type { LoweringContext } from './context.js';
import type { Sides } from './conv-planes.js';
import type { Emitted } from './emitter.js';

export function winogradApplies(s: Sides): boolean {
  return s.depth % 2 === 0;
}

/** Rows: the four kernels as combinations of the depth taps; the last carries the sign of t3 in y1. */
const FILTER_TRANSFORM = [
  [1, 0, 0],
  [0.5, 0.5, 0.5],
  [0.5, -0.5, 0.5],
  [0, 0, -1],
] as const;

/** The four kernels [out, into, 3, 3] of a filter in memory [kd, ...]; `mirrored` exchanges the outer depth taps. */
export function winogradKernels(
  ctx: LoweringContext,
  memory: Emitted,
  out: number,
  into: number,
  mirrored: boolean,
): Emitted[] {
  const { emitter } = ctx;
  const size = memory.shape.reduce((a, b) => a * b, 1) / 3;
  const rows = FILTER_TRANSFORM.map((row) => (mirrored ? [...row].reverse() : [...row]));
  const transform = emitter.constant(Float32Array.from(rows.flat()), [4, 3], 'float32');
  const kernels = emitter.node('MatMul', [transform, emitter.reshape(memory, [3, size])], {}, [4, size]);
  const names = [0, 1, 2, 3].map(() => ({ shape: [1, size], dtype: 'float32' as const }));
  const split = emitter.nodeOutputs('Split', [kernels, emitter.int64([1, 1, 1, 1])], { axis: 0 }, names);
  return split.map((kernel) => emitter.reshape(kernel, [out, into, 3, 3]));
}

/** Every second plane combined with its neighbours by `taps` along depth: memory [lanes/B, d/2, area]. */
function combine(
  ctx: LoweringContext,
  planes: Emitted,
  depth: number,
  taps: readonly number[],
  before: number,
  after: number,
): Emitted {
  const { emitter, target } = ctx;
  const { block } = target;
  const area = planes.shape.slice(1).reduce((a, b) => a * b, 1) / block;
  const lanes = (planes.shape[0]! / depth) * block;
  const weights = new Float32Array(lanes * taps.length);
  for (let group = 0; group < lanes / block; group++) {
    for (const [index, tap] of taps.entries()) {
      const start = (group * taps.length + index) * block;
      weights.fill(tap, start, start + block);
    }
  }
  const attributes = {
    kernel_shape: [taps.length, 1],
    strides: [2, 1],
    dilations: [1, 1],
    pads: [before, 0, after, 0],
    group: lanes,
  };
  const image = emitter.reshape(planes, [1, lanes, depth, area]);
  const kernel = emitter.constant(weights, [lanes, 1, taps.length, 1], 'float32');
  return emitter.blocked('Conv', [image, kernel], attributes, [1, lanes, depth / 2, area]);
}

/** u of the formula above, from planes [count * d, rows, row]. Each has half as many planes. */
export function inputTransform(ctx: LoweringContext, planes: Emitted, depth: number): Emitted[] {
  return [
    combine(ctx, planes, depth, [1, 0, -1], 1, 0),
    combine(ctx, planes, depth, [1, 1], 0, 0),
    combine(ctx, planes, depth, [-1, 1], 0, 0),
    combine(ctx, planes, depth, [1, 0, -1], 0, 1),
  ];
}

/** Gradient of t from the gradient of y: (dy0, dy0 + dy1, dy0 - dy1, dy1); the kernels carry the sign of the last. */
export function outputTransform(ctx: LoweringContext, planes: Emitted, depth: number): Emitted[] {
  return [
    combine(ctx, planes, depth, [1, 0], 0, 0),
    combine(ctx, planes, depth, [1, 1], 0, 0),
    combine(ctx, planes, depth, [1, -1], 0, 0),
    combine(ctx, planes, depth, [0, 1], 0, 0),
  ];
}

/** Gradient of the depth taps [3, size] from the gradients of the four kernels, each of `size` numbers. */
export function filterTransformGradient(ctx: LoweringContext, kernels: readonly Emitted[]): Emitted {
  const { emitter } = ctx;
  const size = kernels[0]!.shape.reduce((a, b) => a * b, 1);
  const rows = kernels.map((kernel) => emitter.reshape(kernel, [1, size]));
  const stacked = emitter.node('Concat', rows, { axis: 0 }, [4, size]);
  const transposed = [0, 1, 2].flatMap((tap) => FILTER_TRANSFORM.map((row) => row[tap]!));
  return emitter.node('MatMul', [emitter.constant(Float32Array.from(transposed), [3, 4], 'float32'), stacked], {}, [
    3,
    size,
  ]);
}

/**
 * @param planes memory [b * i/B * d, h + 1, (w + 2) * B], zeros in the added row and columns
 * @returns memory [b * o/B * d, h + 1, w * B] with garbage in the added row
 */
export function winogradConv(
  ctx: LoweringContext,
  planes: Emitted,
  kernels: readonly Emitted[],
  s: Sides,
  channels: { readonly into: number; readonly out: number },
  bias?: Emitted,
): Emitted {
  const { emitter, target } = ctx;
  const { into, out } = channels;
  const u = inputTransform(ctx, planes, s.depth).map((value) =>
    emitter.reshape(value, [s.batch, into, (s.depth / 2) * (s.height + 1), s.width + 2]),
  );
  const shape = [s.batch, out, (s.depth / 2) * (s.height + 1), s.width];
  const attributes = { kernel_shape: [3, 3], dilations: [1, 1], strides: [1, 1], pads: [1, 0, 1, 0], group: 1 };
  const product = (index: number, sum?: Emitted) =>
    emitter.blocked('Conv', [u[index], kernels[index], sum ? bias : undefined, sum], attributes, shape);
  const t1 = product(1);
  const t2 = product(2);
  const even = product(0, emitter.node('Add', [t1, t2], {}, shape));
  const odd = product(3, emitter.node('Sub', [t1, t2], {}, shape));
  const { block } = target;
  const pairs = (value: Emitted) =>
    emitter.reshape(value, [(s.batch * out) / block, s.depth / 2, 1, (s.height + 1) * s.width * block]);
  const woven = emitter.node('Concat', [pairs(even), pairs(odd)], { axis: 2 }, [
    (s.batch * out) / block,
    s.depth / 2,
    2,
    (s.height + 1) * s.width * block,
  ]);
  return emitter.reshape(woven, [(s.batch * out * s.depth) / block, s.height + 1, s.width * block]);
}
