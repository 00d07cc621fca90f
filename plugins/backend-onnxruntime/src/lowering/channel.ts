/**
 * Per-channel statistics and affine maps, the two primitives of every normalisation, in dense or blocked memory.
 * Statistics have shape [b, c]; sums run over one sample's voxels.
 */
import { leakySlope, STEEP } from './activation.js';
import type { LoweringContext } from './context.js';
import { product } from './conv-geometry.js';
import { SEPARATED, type Sides, sidesOf } from './conv-planes.js';
import { type EmitAttributes, type Emitted, MICROSOFT_DOMAIN } from './emitter.js';
import { blockedLayout, channelFirstLayout, type Layout } from './layout.js';
import type { Lowered } from './lowered.js';
import { emitReduce } from './reduce.js';

/** A tensor in the layout of the operations. A tall one still has the garbage row that a convolution leaves below each plane. */
export interface Field {
  readonly value: Emitted;
  readonly tall: boolean;
}

export interface ChannelOps {
  readonly layout: Layout;
  /** The cheapest form of x that its producer left. */
  field(x: Lowered): Field;
  /** Mean over voxels, [b, c]. */
  mean(x: Field): Emitted;
  /** Mean over voxels of x * y, [b, c]; y is not tall. */
  meanProduct(x: Field, y: Emitted): Emitted;
  /** leaky(x * factor + shift (+ sum)), factor and shift [b, c]; slope 1 is no activation. Never tall. */
  affine(x: Field, factor: Emitted, shift: Emitted, options?: { slope?: number; sum?: Emitted }): Emitted;
  /** x where y > 0, slope * x elsewhere; y is not tall. */
  through(x: Field, y: Emitted, slope: number): Field;
}

/** The primitives for tensors like `x` [b, ...spatial, c]. */
export function channelOps(ctx: LoweringContext, x: Lowered): ChannelOps {
  const { block } = ctx.target;
  const channels = x.shape[x.rank - 1]!;
  const blocked = x.primary.splits.length > 0 && channels % block === 0 && x.rank >= 4;
  return blocked ? blockedOps(ctx, x.shape) : denseOps(ctx, x.shape);
}

/** A tensor as it is. */
export function plain(value: Emitted): Field {
  return { value, tall: false };
}

function activation(slope: number) {
  if (slope === 1) return {};
  if (slope === 0) return { activation: 'Relu' };
  return { activation: 'LeakyRelu', activation_params: { float: [slope] } };
}

/** Blocked memory seen by ONNX Runtime's depthwise operators: every (sample, channel) or every plane of one is a channel. */
class BlockedView {
  readonly sides: Sides;
  readonly channels: number;
  readonly block: number;
  private readonly ctx: LoweringContext;
  private readonly memory: readonly number[];

  constructor(ctx: LoweringContext, shape: readonly number[]) {
    this.ctx = ctx;
    this.block = ctx.target.block;
    this.sides = sidesOf(shape[0]!, shape.slice(1, -1));
    this.channels = shape[shape.length - 1]!;
    this.memory = [shape[0]!, this.channels / this.block, ...shape.slice(1, -1), this.block];
  }

  get lanes(): number {
    return this.sides.batch * this.channels * this.sides.depth;
  }

  /** [1, b * c * d, h (+ 1), w] */
  planes({ value, tall }: Field): Emitted {
    return this.ctx.emitter.reshape(value, [1, this.lanes, this.sides.height + (tall ? 1 : 0), this.sides.width]);
  }

  /** [1, b * c, d, h * w] */
  volumes(value: Emitted): Emitted {
    const { batch, depth, height, width } = this.sides;
    return this.ctx.emitter.reshape(value, [1, batch * this.channels, depth, height * width]);
  }

  toMemory(value: Emitted): Emitted {
    return this.ctx.emitter.reshape(value, this.memory);
  }

  /** One number per plane to one per channel. Sums per plane are short, so rounding stays small, and run in parallel. */
  perChannel(opType: 'ReduceMean' | 'ReduceSum', value: Emitted): Emitted {
    const { batch, depth } = this.sides;
    const byPlane = this.ctx.emitter.reshape(value, [batch, this.channels / this.block, depth, this.block]);
    return this.ctx.emitter.reshape(emitReduce(this.ctx, opType, byPlane, [2], false), [batch, this.channels]);
  }

  /** [b, c] repeated for every plane: [b * c * d]. */
  perPlane(value: Emitted): Emitted {
    const { batch, depth } = this.sides;
    const { emitter } = this.ctx;
    const column = emitter.reshape(value, [batch, this.channels / this.block, 1, this.block]);
    const spread = [batch, this.channels / this.block, depth, this.block];
    return emitter.reshape(emitter.node('Expand', [column, emitter.int64(spread)], {}, spread), [this.lanes]);
  }

  depthwise(
    inputs: readonly (Emitted | undefined)[],
    options: { kernel: readonly number[]; stride?: number; below?: number },
    shape: readonly number[],
    extra: EmitAttributes = {},
  ): Emitted {
    const attributes = {
      kernel_shape: options.kernel,
      strides: [options.stride ?? 1, 1],
      dilations: [1, 1],
      pads: [0, 0, options.below ?? 0, 0],
      group: inputs[1]!.shape[0]!,
      ...extra,
    };
    return this.ctx.emitter.blocked('Conv', inputs, attributes, shape);
  }
}

function blockedOps(ctx: LoweringContext, shape: readonly number[]): ChannelOps {
  const { emitter } = ctx;
  const view = new BlockedView(ctx, shape);
  const { lanes } = view;
  const { batch, depth, height, width } = view.sides;
  const count = batch * view.channels;
  const layout = blockedLayout(shape.length, view.block);
  return {
    layout,
    field(x) {
      const separated = x.extras.get(SEPARATED);
      return separated ? { value: separated, tall: true } : plain(x.as(layout));
    },
    mean(x) {
      const window = { kernel_shape: [height, width], strides: [2, 1], pads: [0, 0, 0, 0], dilations: [1, 1] };
      const pooled = x.tall
        ? emitter.blocked('AveragePool', [view.planes(x)], { ...window, count_include_pad: 0 }, [1, lanes, 1, 1])
        : emitter.blocked('GlobalAveragePool', [view.planes(x)], {}, [1, lanes, 1, 1]);
      return view.perChannel('ReduceMean', pooled);
    },
    meanProduct(x, y) {
      const kernel = emitter.reshape(y, [lanes, 1, height, width]);
      const sums = view.depthwise([view.planes(x), kernel], { kernel: [height, width], stride: 2 }, [1, lanes, 1, 1]);
      const total = view.perChannel('ReduceSum', sums);
      return emitter.node('Mul', [total, emitter.float(1 / (depth * height * width))], {}, total.shape);
    },
    affine(x, factor, shift, { slope = 1, sum } = {}) {
      if (x.tall) return tallAffine(ctx, view, x, factor, shift, activation(slope), sum);
      const inputs = [
        view.volumes(x.value),
        emitter.reshape(factor, [count, 1, 1, 1]),
        emitter.reshape(shift, [count]),
        sum && view.volumes(sum),
      ];
      const value = view.depthwise(inputs, { kernel: [1, 1] }, inputs[0]!.shape, activation(slope));
      return view.toMemory(value);
    },
    through(x, y, slope) {
      if (slope === 1) return x;
      const clip = { activation: 'Clip', activation_params: { float: [slope, 1] } };
      const below = x.tall ? 1 : 0;
      const mask = view.depthwise(
        [view.planes(plain(y)), emitter.float(STEEP, [lanes, 1, 1, 1])],
        { kernel: [1, 1], below },
        [1, lanes, height + below, width],
        clip,
      );
      const planes = view.planes(x);
      const value = emitter.node('Mul', [planes, mask], {}, planes.shape);
      return { value: x.tall ? value : view.toMemory(value), tall: x.tall };
    },
  };
}

/** The affine map with a depthwise kernel (factor, 0) over rows, which leaves out the garbage row. */
function tallAffine(
  ctx: LoweringContext,
  view: BlockedView,
  x: Field,
  factor: Emitted,
  shift: Emitted,
  attributes: EmitAttributes,
  sum: Emitted | undefined,
): Emitted {
  const { emitter } = ctx;
  const { batch, depth, height, width } = view.sides;
  const { lanes, block } = view;
  const blocks = view.channels / block;
  const rows = emitter.constant(
    Float32Array.from({ length: 2 * depth }, (_, index) => (index + 1) % 2),
    [1, 1, depth, 2, 1],
    'float32',
  );
  const column = emitter.reshape(factor, [batch, blocks, 1, 1, block]);
  const taps = emitter.node('Mul', [column, rows], {}, [batch, blocks, depth, 2, block]);
  const inputs = [
    view.planes(x),
    emitter.reshape(taps, [lanes, 1, 2, 1]),
    view.perPlane(shift),
    sum && view.planes(plain(sum)),
  ];
  return view.toMemory(view.depthwise(inputs, { kernel: [2, 1] }, [1, lanes, height, width], attributes));
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
    field: (x) => plain(x.as(layout)),
    mean: (x) => perChannel(emitReduce(ctx, 'ReduceMean', rows(x.value), [1])),
    meanProduct(x, y) {
      if (target.provider !== 'cpu') {
        const product = emitter.node('Mul', [rows(x.value), rows(y)], {}, [batch * channels, voxels]);
        return perChannel(emitReduce(ctx, 'ReduceMean', product, [1]));
      }
      const lift = (value: Emitted) => emitter.reshape(value, [batch * channels, 1, voxels]);
      const attributes = { transA: 0, transB: 1, alpha: { float: 1 } };
      const inputs = [lift(x.value), lift(y)];
      const dot = emitter.node(
        'FusedMatMul',
        inputs,
        attributes,
        [batch * channels, 1, 1],
        'float32',
        MICROSOFT_DOMAIN,
      );
      return perChannel(emitter.node('Mul', [dot, emitter.float(1 / voxels)], {}, dot.shape));
    },
    affine(x, factor, shift, { slope = 1, sum } = {}) {
      let value = affineRows(ctx, rows(x.value), factor, shift, batch * channels, voxels, column);
      if (sum) value = emitter.node('Add', [value, rows(sum)], {}, value.shape);
      if (slope === 0) value = emitter.node('Relu', [value], {}, value.shape);
      else if (slope !== 1) value = emitter.node('LeakyRelu', [value], { alpha: { float: slope } }, value.shape);
      return emitter.reshape(value, memory);
    },
    through(x, y, slope) {
      if (slope === 1) return x;
      return plain(emitter.node('Mul', [x.value, leakySlope(ctx, y, slope)], {}, x.value.shape));
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
