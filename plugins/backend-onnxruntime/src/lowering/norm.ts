import type { Node } from '../graph/ir.js';
import { type ChannelOps, channelOps } from './channel.js';
import { type LoweringContext, type LoweringTable, numberAttribute, stringAttribute } from './context.js';
import { product } from './conv-geometry.js';
import type { Emitted } from './emitter.js';
import type { Lowered } from './lowered.js';
import { takeAt } from './primitives.js';
import { range } from './range.js';
import { emitReduce } from './reduce.js';
import { bySamples, partsFor } from './samples.js';

/** Averages statistics [b, c] over what shares them: nothing, the batch, or a group of channels. Shape stays [b, c]. */
function pool(ctx: LoweringContext, node: Node, value: Emitted): Emitted {
  const { emitter } = ctx;
  const norm = stringAttribute(node, 'norm');
  const [batch, channels] = value.shape as [number, number];
  if (norm === 'instance') return value;
  if (norm === 'batch') {
    if (batch === 1) return value;
    return emitter.node(
      'Expand',
      [emitReduce(ctx, 'ReduceMean', value, [0]), emitter.int64(value.shape)],
      {},
      value.shape,
    );
  }
  const groups = numberAttribute(node, 'groups');
  const parted = emitter.reshape(value, [batch, groups, channels / groups]);
  const mean = emitReduce(ctx, 'ReduceMean', parted, [2]);
  return emitter.reshape(emitter.node('Expand', [mean, emitter.int64(parted.shape)], {}, parted.shape), value.shape);
}

function binary(ctx: LoweringContext, op: 'Mul' | 'Add' | 'Sub' | 'Div', a: Emitted, b: Emitted): Emitted {
  const shape =
    a.shape.length >= b.shape.length
      ? a.shape.map((side, axis) => Math.max(side, b.shape[axis - a.shape.length + b.shape.length] ?? 1))
      : b.shape;
  return ctx.emitter.node(op, [a, b], {}, shape);
}

/** A per-channel parameter [c] as [b, c]. */
function perSample(ctx: LoweringContext, value: Lowered, batch: number): Emitted {
  const { emitter } = ctx;
  const channels = value.shape[0]!;
  const row = emitter.reshape(value.dense(), [1, channels]);
  return batch === 1 ? row : emitter.node('Expand', [row, emitter.int64([batch, channels])], {}, [batch, channels]);
}

/** A batch in parts of its samples, with statistics [b, c] over all of them. */
class Samples {
  readonly fields: readonly Emitted[];
  readonly ops: ChannelOps;
  private readonly ctx: LoweringContext;

  /** Whether all samples have the same statistics, so that the rows of every part are those of the first. */
  private readonly isShared: boolean;

  constructor(ctx: LoweringContext, node: Node, x: Lowered) {
    this.ctx = ctx;
    this.isShared = node.attributes.norm === 'batch';
    const parts = x.parts(partsFor(ctx, x.shape));
    this.ops = channelOps(ctx, parts[0]!);
    this.fields = parts.map((part) => part.as(this.ops.layout));
  }

  /** Another batch of the same shape in the same parts and layout. */
  like(other: Lowered): readonly Emitted[] {
    return other.parts(this.fields.length).map((part) => part.as(this.ops.layout));
  }

  /** One row of statistics per sample, [b, c]. */
  perSample(statistic: (index: number) => Emitted): Emitted {
    const rows = this.fields.map((_, index) => statistic(index));
    if (rows.length === 1) return rows[0]!;
    const [samples, channels] = rows[0]!.shape as [number, number];
    return this.ctx.emitter.node('Concat', rows, { axis: 0 }, [rows.length * samples, channels]);
  }

  /** The rows of statistics [b, c] that belong to a part. */
  rowsOf(rows: Emitted, index: number): Emitted {
    const count = this.fields.length;
    if (count === 1) return rows;
    const size = rows.shape[0]! / count;
    const first = this.isShared ? 0 : index * size;
    return takeAt(this.ctx, rows, 0, range(first, first + size));
  }

  /** {@link ChannelOps.affine} of every part with its rows. */
  affine(
    fields: readonly Emitted[],
    factor: Emitted,
    shift: Emitted,
    { slope = 1, sums }: { readonly slope?: number; readonly sums?: readonly Emitted[] } = {},
  ): readonly Emitted[] {
    return fields.map((field, index) => {
      const sum = sums?.[index];
      return this.ops.affine(field, this.rowsOf(factor, index), this.rowsOf(shift, index), {
        slope,
        ...(sum ? { sum } : {}),
      });
    });
  }
}

/** Mean [b, c], deviations in the layout of the samples, variance [b, c] as the mean of their squares. */
function moments(ctx: LoweringContext, node: Node, samples: Samples) {
  const { fields, ops } = samples;
  const mean = pool(
    ctx,
    node,
    samples.perSample((index) => ops.mean(fields[index]!)),
  );
  const one = ctx.emitter.float(1, mean.shape);
  const centred = samples.affine(fields, one, negative(ctx, mean));
  const variance = pool(
    ctx,
    node,
    samples.perSample((index) => ops.meanProduct(centred[index]!, centred[index]!)),
  );
  return { mean, centred, variance };
}

function negative({ emitter }: LoweringContext, value: Emitted): Emitted {
  return emitter.node('Neg', [value], {}, value.shape);
}

/**
 * Outputs: y, x - mean, 1 / sqrt(variance + epsilon) [b, c], mean [b, c], variance [b, c].
 * The variance is the mean square of the deviations (two passes): it does not cancel where the mean is large.
 */
function normActivation(ctx: LoweringContext, node: Node, [x, scale, offset]: readonly Lowered[]): readonly Lowered[] {
  const { emitter } = ctx;
  const samples = new Samples(ctx, node, x!);
  const { layout } = samples.ops;
  const batch = x!.shape[0]!;
  const { mean, centred, variance } = moments(ctx, node, samples);
  const shifted = binary(ctx, 'Add', variance, emitter.float(numberAttribute(node, 'epsilon')));
  const deviation = emitter.node('Sqrt', [shifted], {}, shifted.shape);
  const inverse = emitter.node('Reciprocal', [deviation], {}, deviation.shape);
  const factor = binary(ctx, 'Mul', inverse, perSample(ctx, scale!, batch));
  const y = samples.affine(centred, factor, perSample(ctx, offset!, batch), { slope: numberAttribute(node, 'slope') });
  return [
    ctx.resultOfParts(node, 0, y, layout),
    ctx.resultOfParts(node, 1, centred, layout),
    ctx.result(node, 2, inverse),
    ctx.result(node, 3, mean),
    ctx.result(node, 4, variance),
  ];
}

/** Mean and variance [b, c] as normActivation takes them: the same emitted operations, so they cost nothing beside it. */
function channelMoments(ctx: LoweringContext, node: Node, [x]: readonly Lowered[]): readonly Lowered[] {
  const { mean, variance } = moments(ctx, node, new Samples(ctx, node, x!));
  return [ctx.result(node, 0, mean), ctx.result(node, 1, variance)];
}

/** What the gradient of a normalisation is made of, statistics [b, c]. */
interface GradientParts {
  readonly samples: Samples;
  /** dy through the activation. */
  readonly g: readonly Emitted[];
  readonly meanG: Emitted;
  readonly meanGC: Emitted;
  readonly r: Emitted;
  readonly s: Emitted;
  readonly factor: Emitted;
}

/**
 * Statistics of single channels: dx = r s (g - M(g) - c r^2 M(g c)), where what is in brackets is written over g and the
 * factor is left to whoever multiplies by something smaller than the volume.
 */
function gradientOfChannels(ctx: LoweringContext, node: Node, parts: GradientParts): Lowered {
  const { samples, g, r, factor } = parts;
  const { layout } = samples.ops;
  const square = binary(ctx, 'Mul', r, r);
  const unscaled = samples.affine(
    samples.fields,
    negative(ctx, binary(ctx, 'Mul', square, pool(ctx, node, parts.meanGC))),
    negative(ctx, pool(ctx, node, parts.meanG)),
    { sums: g },
  );
  const zero = ctx.emitter.float(0, factor.shape);
  const whole = ctx.resultOfParts(node, 0, samples.affine(unscaled, factor, zero), layout);
  const { shape } = node.outputs[0]!;
  const size = shape[0]! / g.length;
  if (node.attributes.norm !== 'batch' && size > 1) return whole;
  whole.parts(g.length).forEach((part, index) => {
    const row = takeAt(ctx, samples.rowsOf(factor, index), 0, [0]);
    part.scaled = {
      unscaled: ctx.wrap([size, ...shape.slice(1)], 'float32', unscaled[index]!, layout),
      factors: ctx.wrap([row.shape[1]!], 'float32', ctx.emitter.reshape(row, [row.shape[1]!])),
    };
  });
  return whole;
}

/** Statistics of groups of channels, whose scales differ: dx = r s g - r M(s g) - c r^3 M(s g c). */
function gradientOfGroups(ctx: LoweringContext, node: Node, parts: GradientParts): Lowered {
  const { samples, g, r, s, factor } = parts;
  const sharedG = pool(ctx, node, binary(ctx, 'Mul', s, parts.meanG));
  const sharedGC = pool(ctx, node, binary(ctx, 'Mul', s, parts.meanGC));
  const cube = binary(ctx, 'Mul', binary(ctx, 'Mul', r, r), r);
  const slow = samples.affine(
    samples.fields,
    negative(ctx, binary(ctx, 'Mul', cube, sharedGC)),
    negative(ctx, binary(ctx, 'Mul', r, sharedG)),
  );
  const zero = ctx.emitter.float(0, factor.shape);
  return ctx.resultOfParts(node, 0, samples.affine(g, factor, zero, { sums: slow }), samples.ops.layout);
}

/**
 * Gradient of the normalisation. With g = dy through the activation, r = 1/sqrt(variance + epsilon), s the scale, c the
 * deviations and M the mean over what shares the statistics:
 * dx as above, dscale = sum(g c) r, doffset = sum(g).
 */
function normActivationGrad(
  ctx: LoweringContext,
  node: Node,
  [dy, centred, inverse, scale, offset]: readonly Lowered[],
): readonly Lowered[] {
  const { emitter } = ctx;
  const samples = new Samples(ctx, node, centred!);
  const { ops, fields: deviations } = samples;
  const batch = centred!.shape[0]!;
  const r = inverse!.dense();
  const s = perSample(ctx, scale!, batch);
  const factor = binary(ctx, 'Mul', r, s);
  const shift = perSample(ctx, offset!, batch);
  const slope = numberAttribute(node, 'slope');
  const g = samples.like(dy!).map((field, index) => {
    const [own, moved] = [samples.rowsOf(factor, index), samples.rowsOf(shift, index)];
    return ops.through(field, deviations[index]!, own, moved, slope);
  });
  const meanG = samples.perSample((index) => ops.mean(g[index]!));
  const meanGC = samples.perSample((index) => ops.meanProduct(g[index]!, deviations[index]!));
  const gradient = stringAttribute(node, 'norm') === 'group' ? gradientOfGroups : gradientOfChannels;
  const voxels = product(centred!.shape.slice(1, -1));
  const total = (value: Emitted) =>
    emitReduce(ctx, 'ReduceSum', binary(ctx, 'Mul', value, emitter.float(voxels)), [0], false);
  return [
    gradient(ctx, node, { samples, g, meanG, meanGC, r, s, factor }),
    ctx.result(node, 1, total(binary(ctx, 'Mul', meanGC, r))),
    ctx.result(node, 2, total(meanG)),
  ];
}

/** leaky(x * factor + shift) with factor and shift [c]: a normalisation whose statistics are known. */
function channelAffine(ctx: LoweringContext, node: Node, [x, factor, shift]: readonly Lowered[]): readonly Lowered[] {
  const ops = channelOps(ctx, x!);
  const batch = x!.shape[0]!;
  const value = ops.affine(x!.as(ops.layout), perSample(ctx, factor!, batch), perSample(ctx, shift!, batch), {
    slope: numberAttribute(node, 'slope'),
  });
  return [ctx.result(node, 0, value, ops.layout)];
}

export const normLowerings: LoweringTable = {
  NormActivation: normActivation,
  NormActivationGrad: normActivationGrad,
  ChannelAffine: bySamples(channelAffine, 'first'),
  ChannelMoments: channelMoments,
};
