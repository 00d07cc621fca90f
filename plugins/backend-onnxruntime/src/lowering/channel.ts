/**
 * Per-channel statistics and affine maps, the two primitives of every normalisation, in dense or blocked memory.
 * Statistics have shape [b, c]; sums run over one sample's voxels.
 */
import { leakySlope, STEEP } from './activation.js';
import type { LoweringContext } from './context.js';
import { product } from './conv-geometry.js';
import { type Sides, sidesOf } from './conv-planes.js';
import { type EmitAttributes, type Emitted, MICROSOFT_DOMAIN } from './emitter.js';
import { channelFirstLayout, type Layout, physicalShape, planesLayout } from './layout.js';
import { blockedActivation, leakyRelu } from './leaky.js';
import type { Lowered } from './lowered.js';
import { emitReduce } from './reduce.js';

export interface ChannelOps {
  readonly layout: Layout;
  /** Mean over voxels, [b, c]. */
  mean(x: Emitted): Emitted;
  /** Mean over voxels of x * y, [b, c]. */
  meanProduct(x: Emitted, y: Emitted): Emitted;
  /** leaky(x * factor + shift (+ sum)), factor and shift [b, c]; slope 1 is no activation. */
  affine(
    x: Emitted,
    factor: Emitted,
    shift: Emitted,
    options?: { readonly slope?: number; readonly sum?: Emitted },
  ): Emitted;
  /** dy where x * factor + shift > 0, slope * dy elsewhere: the gradient of `affine` with that slope, without its result. */
  through(dy: Emitted, x: Emitted, factor: Emitted, shift: Emitted, slope: number): Emitted;
}

/** The primitives for tensors like `x` [b, ...spatial, c]. */
export function channelOps(ctx: LoweringContext, x: Lowered): ChannelOps {
  const { block } = ctx.target;
  const channels = x.shape[x.rank - 1]!;
  const blocked = x.primary.splits.length > 0 && channels % block === 0 && x.rank >= 4;
  return blocked ? planesOps(ctx, x.shape) : denseOps(ctx, x.shape);
}

/**
 * Planes in memory [b, d, c/B, h, w, B] as ONNX Runtime's blocked operators see them: every channel of a plane is a
 * channel of one image.
 */
class PlanesView {
  readonly sides: Sides;
  readonly channels: number;
  private readonly ctx: LoweringContext;
  private readonly memory: readonly number[];

  constructor(ctx: LoweringContext, shape: readonly number[], layout: Layout) {
    this.ctx = ctx;
    this.sides = sidesOf(shape[0]!, shape.slice(1, -1));
    this.channels = shape[shape.length - 1]!;
    this.memory = physicalShape(layout, shape);
  }

  get lanes(): number {
    return this.sides.batch * this.channels * this.sides.depth;
  }

  /** [1, b * d * c, h, w] */
  images(value: Emitted): Emitted {
    return this.ctx.emitter.reshape(value, [1, this.lanes, this.sides.height, this.sides.width]);
  }

  /** [1, b * d * c, 1, h * w]: long rows are faster. */
  rows(value: Emitted): Emitted {
    return this.ctx.emitter.reshape(value, [1, this.lanes, 1, this.sides.height * this.sides.width]);
  }

  toMemory(value: Emitted): Emitted {
    return this.ctx.emitter.reshape(value, this.memory);
  }

  /** One number per plane to one per channel. Sums per plane are short, so rounding stays small, and run in parallel. */
  perChannel(opType: 'ReduceMean' | 'ReduceSum', value: Emitted): Emitted {
    const { batch, depth } = this.sides;
    const byPlane = this.ctx.emitter.reshape(value, [batch, depth, this.channels]);
    return emitReduce(this.ctx, opType, byPlane, [1], false);
  }

  /** [b, c] repeated for every plane: [b * d * c]. */
  perPlane(value: Emitted): Emitted {
    const { batch, depth } = this.sides;
    const { emitter } = this.ctx;
    if (depth === 1) return emitter.reshape(value, [this.lanes]);
    const spread = [batch, depth, this.channels];
    const column = emitter.reshape(value, [batch, 1, this.channels]);
    return emitter.reshape(emitter.node('Expand', [column, emitter.int64(spread)], {}, spread), [this.lanes]);
  }

  depthwise(
    inputs: readonly (Emitted | undefined)[],
    { kernel, stride = 1 }: { readonly kernel: readonly number[]; readonly stride?: number },
    shape: readonly number[],
    extra: EmitAttributes = {},
  ): Emitted {
    const attributes = {
      kernel_shape: kernel,
      strides: [stride, 1],
      dilations: [1, 1],
      pads: [0, 0, 0, 0],
      group: this.lanes,
      ...extra,
    };
    return this.ctx.emitter.blocked('Conv', inputs, attributes, shape);
  }
}

function planesOps(ctx: LoweringContext, shape: readonly number[]): ChannelOps {
  const { emitter, target } = ctx;
  const layout = planesLayout(shape.length, target.block);
  const view = new PlanesView(ctx, shape, layout);
  const { lanes } = view;
  const { depth, height, width } = view.sides;
  return {
    layout,
    mean(x) {
      const pooled = emitter.blocked('GlobalAveragePool', [view.images(x)], {}, [1, lanes, 1, 1]);
      return view.perChannel('ReduceMean', pooled);
    },
    meanProduct(x, y) {
      const kernel = emitter.reshape(y, [lanes, 1, height, width]);
      const sums = view.depthwise([view.images(x), kernel], { kernel: [height, width], stride: 2 }, [1, lanes, 1, 1]);
      const total = view.perChannel('ReduceSum', sums);
      return emitter.node('Mul', [total, emitter.float(1 / (depth * height * width))], {}, total.shape);
    },
    affine(x, factor, shift, { slope = 1, sum } = {}) {
      const inputs = [
        view.rows(x),
        emitter.reshape(view.perPlane(factor), [lanes, 1, 1, 1]),
        view.perPlane(shift),
        sum && view.rows(sum),
      ];
      const value = view.depthwise(inputs, { kernel: [1, 1] }, inputs[0]!.shape, blockedActivation(slope));
      return view.toMemory(value);
    },
    through(dy, x, factor, shift, slope) {
      if (slope === 1) return dy;
      const clip = { activation: 'Clip', activation_params: { float: [slope, 1] } };
      const rows = view.rows(x);
      // A power of two scales exactly: the sign is that of the affine map itself, bit for bit.
      const steep = (value: Emitted) => emitter.node('Mul', [value, emitter.float(STEEP)], {}, value.shape);
      const kernel = emitter.reshape(view.perPlane(steep(factor)), [lanes, 1, 1, 1]);
      const inputs = [rows, kernel, view.perPlane(steep(shift))];
      const mask = view.depthwise(inputs, { kernel: [1, 1] }, rows.shape, clip);
      return view.toMemory(emitter.node('Mul', [view.rows(dy), mask], {}, rows.shape));
    },
  };
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
      if (target.provider !== 'cpu') {
        const product = emitter.node('Mul', [rows(x), rows(y)], {}, [batch * channels, voxels]);
        return perChannel(emitReduce(ctx, 'ReduceMean', product, [1]));
      }
      const lift = (value: Emitted) => emitter.reshape(value, [batch * channels, 1, voxels]);
      const attributes = { transA: 0, transB: 1, alpha: { float: 1 } };
      const inputs = [lift(x), lift(y)];
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
      let value = affineRows(ctx, rows(x), factor, shift, batch * channels, voxels, column);
      if (sum) value = emitter.node('Add', [value, rows(sum)], {}, value.shape);
      return emitter.reshape(leakyRelu(ctx, value, slope), memory);
    },
    through(dy, x, factor, shift, slope) {
      if (slope === 1) return dy;
      // The same operation as in the forward pass, which is emitted once.
      const y = ops.affine(x, factor, shift, { slope });
      return emitter.node('Mul', [dy, leakySlope(ctx, y, slope)], {}, dy.shape);
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
