import type { Node } from '../graph/ir.js';
import { type ChannelOps, channelOps } from './channel.js';
import { type LoweringContext, type LoweringTable, numberAttribute, stringAttribute } from './context.js';
import { product } from './conv-geometry.js';
import type { Emitted } from './emitter.js';
import type { Lowered } from './lowered.js';
import { emitReduce } from './reduce.js';

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

/** Mean [b, c], deviations in the layout of `ops`, variance [b, c] as the mean of their squares. */
function moments(ctx: LoweringContext, node: Node, ops: ChannelOps, x: Lowered) {
  const field = x.as(ops.layout);
  const mean = pool(ctx, node, ops.mean(field));
  const one = ctx.emitter.float(1, mean.shape);
  const centred = ops.affine(field, one, ctx.emitter.node('Neg', [mean], {}, mean.shape));
  const variance = pool(ctx, node, ops.meanProduct(centred, centred));
  return { mean, centred, variance };
}

/**
 * Outputs: y, x - mean, 1 / sqrt(variance + epsilon) [b, c], mean [b, c], variance [b, c].
 * The variance is the mean square of the deviations (two passes): it does not cancel where the mean is large.
 */
function normActivation(ctx: LoweringContext, node: Node, [x, scale, offset]: readonly Lowered[]): readonly Lowered[] {
  const { emitter } = ctx;
  const ops = channelOps(ctx, x!);
  const batch = x!.shape[0]!;
  const { mean, centred, variance } = moments(ctx, node, ops, x!);
  const shifted = binary(ctx, 'Add', variance, emitter.float(numberAttribute(node, 'epsilon')));
  const deviation = emitter.node('Sqrt', [shifted], {}, shifted.shape);
  const inverse = emitter.node('Reciprocal', [deviation], {}, deviation.shape);
  const factor = binary(ctx, 'Mul', inverse, perSample(ctx, scale!, batch));
  const y = ops.affine(centred, factor, perSample(ctx, offset!, batch), {
    slope: numberAttribute(node, 'slope'),
  });
  return [
    ctx.result(node, 0, y, ops.layout),
    ctx.result(node, 1, centred, ops.layout),
    ctx.result(node, 2, inverse),
    ctx.result(node, 3, mean),
    ctx.result(node, 4, variance),
  ];
}

/** Mean and variance [b, c] as normActivation takes them: the same emitted operations, so they cost nothing beside it. */
function channelMoments(ctx: LoweringContext, node: Node, [x]: readonly Lowered[]): readonly Lowered[] {
  const ops = channelOps(ctx, x!);
  const { mean, variance } = moments(ctx, node, ops, x!);
  return [ctx.result(node, 0, mean), ctx.result(node, 1, variance)];
}

/**
 * Gradient of the normalisation. With g = dy through the activation, r = 1/sqrt(variance + epsilon), s the scale, c the
 * deviations and M the mean over what shares the statistics:
 * dx = r s g - r M(s g) - c r^3 M(s g c), dscale = sum(g c) r, doffset = sum(g).
 */
function normActivationGrad(
  ctx: LoweringContext,
  node: Node,
  [dy, centred, inverse, scale, offset]: readonly Lowered[],
): readonly Lowered[] {
  const { emitter } = ctx;
  const ops = channelOps(ctx, centred!);
  const batch = centred!.shape[0]!;
  const voxels = product(centred!.shape.slice(1, -1));
  const deviations = centred!.as(ops.layout);
  const r = inverse!.dense();
  const s = perSample(ctx, scale!, batch);
  const factor = binary(ctx, 'Mul', r, s);
  const slope = numberAttribute(node, 'slope');
  const g = ops.through(dy!.as(ops.layout), deviations, factor, perSample(ctx, offset!, batch), slope);
  const meanG = ops.mean(g);
  const meanGC = ops.meanProduct(g, deviations);
  const sharedG = pool(ctx, node, binary(ctx, 'Mul', s, meanG));
  const sharedGC = pool(ctx, node, binary(ctx, 'Mul', s, meanGC));
  const cube = binary(ctx, 'Mul', binary(ctx, 'Mul', r, r), r);
  const negative = (value: Emitted) => emitter.node('Neg', [value], {}, value.shape);
  const slow = ops.affine(
    deviations,
    negative(binary(ctx, 'Mul', cube, sharedGC)),
    negative(binary(ctx, 'Mul', r, sharedG)),
  );
  const zero = emitter.float(0, [batch, centred!.shape[centred!.rank - 1]!]);
  const dx = ops.affine(g, factor, zero, { sum: slow });
  const sums = (value: Emitted) =>
    emitReduce(ctx, 'ReduceSum', binary(ctx, 'Mul', value, emitter.float(voxels)), [0], false);
  return [
    ctx.result(node, 0, dx, ops.layout),
    ctx.result(node, 1, sums(binary(ctx, 'Mul', meanGC, r))),
    ctx.result(node, 2, sums(meanG)),
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
  ChannelAffine: channelAffine,
  ChannelMoments: channelMoments,
};
