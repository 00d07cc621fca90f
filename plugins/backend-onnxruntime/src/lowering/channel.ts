/**
 * Per-channel statistics and affine maps, the two primitives of every normalisation, in dense or blocked memory.
 * Statistics have shape [b, c]; sums run over one sample's voxels.
 */
import type { LoweringContext } from './context.js';
import { SEPARATED, type Sides, sidesOf } from './conv-blocked.js';
import { product } from './conv-geometry.js';
import { leakySlope, STEEP } from './elementwise.js';
import { type Emitted, MICROSOFT_DOMAIN } from './emitter.js';
import { blockedLayout, channelFirstLayout, type Layout } from './layout.js';
import type { Lowered } from './lowered.js';
import { emitReduce } from './reduce.js';

export interface ChannelOps {
  readonly layout: Layout;
  /** Mean over voxels, [b, c]. */
  mean(x: Emitted): Emitted;
  /** Mean over voxels of x * y, [b, c]. */
  meanProduct(x: Emitted, y: Emitted): Emitted;
  /** leaky(x * factor + shift (+ sum)), factor and shift [b, c]; slope 1 is no activation. */
  affine(x: Emitted, factor: Emitted, shift: Emitted, options?: { slope?: number; sum?: Emitted }): Emitted;
  /** x > 0 ? 1 : slope. */
  slopeMask(x: Emitted, slope: number): Emitted;
  /** x in this layout and its deviation from `mean` [b, c]; uses a cheaper form of x where its producer left one. */
  centre(x: Lowered): { readonly mean: Emitted; centred(mean: Emitted): Emitted };
}

/** The primitives for tensors like `x` [b, ...spatial, c]. */
export function channelOps(ctx: LoweringContext, x: Lowered): ChannelOps {
  const { block } = ctx.target;
  const channels = x.shape[x.rank - 1]!;
  const blocked = x.primary.splits.length > 0 && channels % block === 0 && x.rank >= 4;
  return blocked ? blockedOps(ctx, x.shape, block) : denseOps(ctx, x.shape);
}

function blockedOps(ctx: LoweringContext, shape: readonly number[], block: number): ChannelOps {
  const { emitter } = ctx;
  const rank = shape.length;
  const layout = blockedLayout(rank, block);
  const s: Sides = sidesOf(shape[0]!, shape.slice(1, -1));
  const channels = shape[rank - 1]!;
  const planes = (s.batch * channels * s.depth) / block;
  const lanes = planes * block;
  const memory = [s.batch, channels / block, ...shape.slice(1, -1), block];
  const perPlane = (value: Emitted) => emitter.reshape(value, [s.batch, channels / block, s.depth, block]);
  const perChannel = (value: Emitted) => emitter.reshape(value, [s.batch, channels]);
  const asPlanes = (value: Emitted, height = s.height) => emitter.reshape(value, [1, lanes, height, s.width]);
  const asChannels = (value: Emitted) => emitter.reshape(value, [1, s.batch * channels, s.depth, s.height * s.width]);

  // Sums per plane first: each is short, so rounding stays small, and planes run in parallel.
  const mean = (value: Emitted) => {
    const pooled = emitter.blocked('GlobalAveragePool', [asPlanes(value)], {}, [1, lanes, 1, 1]);
    return perChannel(emitReduce(ctx, 'ReduceMean', perPlane(pooled), [2], false));
  };
  return {
    layout,
    mean,
    meanProduct(x, y) {
      const kernel = emitter.reshape(asPlanes(y), [lanes, 1, s.height, s.width]);
      const attributes = {
        kernel_shape: [s.height, s.width],
        strides: [1, 1],
        dilations: [1, 1],
        pads: [0, 0, 0, 0],
        group: lanes,
      };
      const sums = emitter.blocked('Conv', [asPlanes(x), kernel], attributes, [1, lanes, 1, 1]);
      const total = emitReduce(ctx, 'ReduceSum', perPlane(sums), [2], false);
      return perChannel(
        emitter.node('Mul', [total, emitter.float(1 / (s.depth * s.height * s.width))], {}, total.shape),
      );
    },
    affine(x, factor, shift, { slope = 1, sum } = {}) {
      const count = s.batch * channels;
      const attributes = {
        kernel_shape: [1, 1],
        strides: [1, 1],
        dilations: [1, 1],
        pads: [0, 0, 0, 0],
        group: count,
        ...activation(slope),
      };
      const inputs = [
        asChannels(x),
        emitter.reshape(factor, [count, 1, 1, 1]),
        emitter.reshape(shift, [count]),
        sum && asChannels(sum),
      ];
      return emitter.reshape(emitter.blocked('Conv', inputs, attributes, asChannels(x).shape), memory);
    },
    slopeMask(x, slope) {
      const count = s.batch * channels;
      const attributes = {
        kernel_shape: [1, 1],
        strides: [1, 1],
        dilations: [1, 1],
        pads: [0, 0, 0, 0],
        group: count,
        activation: 'Clip',
        activation_params: { float: [slope, 1] },
      };
      const inputs = [asChannels(x), emitter.float(STEEP, [count, 1, 1, 1])];
      return emitter.reshape(emitter.blocked('Conv', inputs, attributes, asChannels(x).shape), memory);
    },
    centre(x) {
      const separated = x.extras.get(SEPARATED);
      if (!separated) {
        const value = x.as(layout);
        const ones = emitter.float(1, [s.batch, channels]);
        return { mean: mean(value), centred: (centre) => this.affine(value, ones, negated(ctx, centre)) };
      }
      const tall = asPlanes(separated, s.height + 1);
      const pool = {
        kernel_shape: [s.height, s.width],
        strides: [2, 1],
        pads: [0, 0, 0, 0],
        dilations: [1, 1],
        count_include_pad: 0,
      };
      const pooled = emitter.blocked('AveragePool', [tall], pool, [1, lanes, 1, 1]);
      return {
        mean: perChannel(emitReduce(ctx, 'ReduceMean', perPlane(pooled), [2], false)),
        centred: (centre) => emitter.reshape(dropLastRow(ctx, tall, negated(ctx, centre), s, channels), memory),
      };
    },
  };
}

function activation(slope: number) {
  if (slope === 1) return {};
  if (slope === 0) return { activation: 'Relu' };
  return { activation: 'LeakyRelu', activation_params: { float: [slope] } };
}

function negated(ctx: LoweringContext, value: Emitted): Emitted {
  return ctx.emitter.node('Neg', [value], {}, value.shape);
}

/** Adds a shift per channel and leaves out the garbage row after each plane: a depthwise kernel (1, 0) over rows. */
function dropLastRow(ctx: LoweringContext, tall: Emitted, shift: Emitted, s: Sides, channels: number): Emitted {
  const { emitter } = ctx;
  const { block } = ctx.target;
  const lanes = tall.shape[1]!;
  const taps = new Float32Array(2 * lanes);
  for (let plane = 0; plane < lanes / block; plane++) taps.fill(1, 2 * plane * block, (2 * plane + 1) * block);
  const kernel = emitter.constant(taps, [lanes, 1, 2, 1], 'float32');
  const spread = [s.batch, channels / block, s.depth, block];
  const column = emitter.reshape(shift, [s.batch, channels / block, 1, block]);
  const bias = emitter.reshape(emitter.node('Expand', [column, emitter.int64(spread)], {}, spread), [lanes]);
  const attributes = { kernel_shape: [2, 1], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], group: lanes };
  return emitter.blocked('Conv', [tall, kernel, bias], attributes, [1, lanes, s.height, s.width]);
}

function denseOps(ctx: LoweringContext, shape: readonly number[]): ChannelOps {
  const { emitter, target } = ctx;
  const rank = shape.length;
  const layout = channelFirstLayout(rank);
  const batch = shape[0]!;
  const channels = shape[rank - 1]!;
  const voxels = product(shape.slice(1, -1));
  const memory = [batch, channels, ...shape.slice(1, -1)];
  const rows = (value: Emitted) => emitter.reshape(value, [batch * channels, voxels]);
  const column = (value: Emitted) => emitter.reshape(value, [batch * channels, 1]);
  const perChannel = (value: Emitted) => emitter.reshape(value, [batch, channels]);
  const ops: ChannelOps = {
    layout,
    mean: (x) => perChannel(emitReduce(ctx, 'ReduceMean', rows(x), [1])),
    meanProduct(x, y) {
      const scale = emitter.float(1 / voxels);
      if (target.provider !== 'cpu') {
        const product = emitter.node('Mul', [rows(x), rows(y)], {}, [batch * channels, voxels]);
        return perChannel(emitReduce(ctx, 'ReduceMean', product, [1]));
      }
      const lift = (value: Emitted) => emitter.reshape(value, [batch * channels, 1, voxels]);
      const attributes = { transA: 0, transB: 1, alpha: { float: 1 } };
      const dot = emitter.node(
        'FusedMatMul',
        [lift(x), lift(y)],
        attributes,
        [batch * channels, 1, 1],
        'float32',
        MICROSOFT_DOMAIN,
      );
      return perChannel(emitter.node('Mul', [dot, scale], {}, dot.shape));
    },
    affine(x, factor, shift, { slope = 1, sum } = {}) {
      let value = affineRows(ctx, rows(x), factor, shift, batch * channels, voxels, column);
      if (sum) value = emitter.node('Add', [value, rows(sum)], {}, value.shape);
      if (slope === 0) value = emitter.node('Relu', [value], {}, value.shape);
      else if (slope !== 1) value = emitter.node('LeakyRelu', [value], { alpha: { float: slope } }, value.shape);
      return emitter.reshape(value, memory);
    },
    slopeMask: (x, slope) => leakySlope(ctx, x, slope),
    centre(x) {
      const value = x.as(layout);
      const flat = rows(value);
      return {
        mean: ops.mean(value),
        centred: (mean) => emitter.reshape(emitter.node('Sub', [flat, column(mean)], {}, flat.shape), memory),
      };
    },
  };
  return ops;
}

/** On the CPU, BatchNormalization with mean 0 and variance 1 is the one-pass affine map per row. */
function affineRows(
  ctx: LoweringContext,
  rows: Emitted,
  factor: Emitted,
  shift: Emitted,
  count: number,
  voxels: number,
  column: (value: Emitted) => Emitted,
): Emitted {
  const { emitter, target } = ctx;
  if (target.provider !== 'cpu') {
    const scaled = emitter.node('Mul', [rows, column(factor)], {}, rows.shape);
    return emitter.node('Add', [scaled, column(shift)], {}, rows.shape);
  }
  const image = emitter.reshape(rows, [1, count, voxels]);
  const flat = (value: Emitted) => emitter.reshape(value, [count]);
  const inputs = [image, flat(factor), flat(shift), emitter.float(0, [count]), emitter.float(1, [count])];
  const value = emitter.node('BatchNormalization', inputs, { epsilon: { float: 0 } }, image.shape);
  return emitter.reshape(value, rows.shape);
}
