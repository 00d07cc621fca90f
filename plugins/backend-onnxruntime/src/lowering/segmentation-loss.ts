/**
 * Softmax cross-entropy and soft Dice in one operation with its own gradient. With softmax probabilities p, voxel
 * weights m, class weights w and labels y:
 *   CE = sum_v m_v w_y (-log p_y) / N, N = sum_v w_y, the number of voxels or sum_v m_v w_y; 0 where N is 0
 *   D_c = (2 TP_c + s) / (P_c + T_c + s), TP_c = sum m p_c [y = c], P_c = sum m p_c, T_c = sum m [y = c]
 *   loss = a CE + b (1 - mean_c w_c D_c) over the counted classes.
 * Sums over voxels are matrix products with the one-hot labels; memory is [b, k, voxels], or [b * d, k, h * w] where the
 * logits lie in planes: nothing in the loss tells samples and planes apart.
 */
import type { Node } from '../graph/ir.js';
import {
  booleanAttribute,
  type LoweringContext,
  type LoweringTable,
  numberAttribute,
  stringAttribute,
} from './context.js';
import { product } from './conv-geometry.js';
import { type Emitted, MICROSOFT_DOMAIN } from './emitter.js';
import { channelFirstLayout, type Layout, physicalShape, planesLayout, sameLayout } from './layout.js';
import type { Lowered } from './lowered.js';
import { takeAt } from './primitives.js';
import { emitReduce } from './reduce.js';

interface Sizes {
  readonly batch: number;
  readonly classes: number;
  readonly voxels: number;
}

/** Layout in which the loss reads the logits. */
function layoutOf(logits: Lowered): Layout {
  const planes = planesLayout(logits.rank, 1);
  return sameLayout(logits.primary, planes) ? planes : channelFirstLayout(logits.rank);
}

function sizesOf({ shape }: Lowered, layout: Layout): Sizes {
  const [batch, ...rest] = layout.perm.slice(0, layout.perm.indexOf(shape.length - 1)).map((axis) => shape[axis]!);
  const outer = batch! * product(rest);
  const classes = shape[shape.length - 1]!;
  return { batch: outer, classes, voxels: product(shape.slice(0, -1)) / outer };
}

class Maths {
  private readonly ctx: LoweringContext;
  readonly sizes: Sizes;

  constructor(ctx: LoweringContext, sizes: Sizes) {
    this.ctx = ctx;
    this.sizes = sizes;
  }

  binary(op: 'Add' | 'Sub' | 'Mul' | 'Div', a: Emitted, b: Emitted): Emitted {
    const rank = Math.max(a.shape.length, b.shape.length);
    const side = (value: Emitted, axis: number) => value.shape[axis - rank + value.shape.length] ?? 1;
    const shape = Array.from({ length: rank }, (_, axis) => Math.max(side(a, axis), side(b, axis)));
    return this.ctx.emitter.node(op, [a, b], {}, shape);
  }

  unary(op: string, x: Emitted): Emitted {
    return this.ctx.emitter.node(op, [x], {}, x.shape);
  }

  constant(value: number): Emitted {
    return this.ctx.emitter.float(value);
  }

  /** Sums over voxels of [b, k, v] times each row of [b, n, v], over the batch: [k, n]. */
  overVoxels(values: Emitted, rows: Emitted): Emitted {
    const { batch, classes } = this.sizes;
    const { emitter, target } = this.ctx;
    const shape = [batch, classes, rows.shape[1]!];
    const attributes = { transA: 0, transB: 1, alpha: { float: 1 } };
    const perSample =
      target.provider === 'cpu'
        ? emitter.node('FusedMatMul', [values, rows], attributes, shape, 'float32', MICROSOFT_DOMAIN)
        : emitter.node('MatMul', [values, emitter.transpose(rows, [0, 2, 1])], {}, shape);
    return emitReduce(this.ctx, 'ReduceSum', perSample, [0], false);
  }

  /** Rows [n, k] of class values at each voxel's label, [b, n, v]. */
  atLabels(rows: Emitted, hot: Emitted): Emitted {
    const { batch, voxels } = this.sizes;
    return this.ctx.emitter.node('MatMul', [rows, hot], {}, [batch, rows.shape[0]!, voxels]);
  }

  /** One-hot labels [b, k, v]. */
  oneHot(labels: Lowered): Emitted {
    const { emitter } = this.ctx;
    const { batch, classes, voxels } = this.sizes;
    const flat = emitter.reshape(emitter.cast(labels.dense(), 'int32'), [batch, 1, voxels]);
    const ids = emitter.constant(
      Int32Array.from({ length: classes }, (_, id) => id),
      [1, classes, 1],
      'int32',
    );
    return emitter.cast(emitter.node('Equal', [flat, ids], {}, [batch, classes, voxels], 'bool'), 'float32');
  }

  /** Voxel weights [b, 1, v]. */
  voxelWeights(weights: Lowered): Emitted {
    const { emitter } = this.ctx;
    const { batch, voxels } = this.sizes;
    if (weights.rank > 0) return emitter.reshape(weights.dense(), [batch, 1, voxels]);
    return emitter.node(
      'Expand',
      [emitter.reshape(weights.dense(), [1, 1, 1]), emitter.int64([batch, 1, voxels])],
      {},
      [batch, 1, voxels],
    );
  }

  /** Class weights [k, 1]. */
  classWeights(weights: Lowered): Emitted {
    const { emitter } = this.ctx;
    const { classes } = this.sizes;
    if (weights.rank > 0) return emitter.reshape(weights.dense(), [classes, 1]);
    return emitter.node('Expand', [emitter.reshape(weights.dense(), [1, 1]), emitter.int64([classes, 1])], {}, [
      classes,
      1,
    ]);
  }
}

/** Numerator 2 TP + s, denominator P + T + s and the share w_c / count of each class in the Dice term, all [k, 1]. */
function diceParts(
  ctx: LoweringContext,
  maths: Maths,
  node: Node,
  overlap: Emitted,
  predicted: Emitted,
  present: Emitted,
  weights: Emitted,
) {
  const { classes } = maths.sizes;
  const smooth = maths.constant(numberAttribute(node, 'smooth'));
  const numerator = maths.binary('Add', maths.binary('Mul', overlap, maths.constant(2)), smooth);
  const denominator = maths.binary('Add', maths.binary('Add', predicted, present), smooth);
  const first = booleanAttribute(node, 'background') ? 0 : 1;
  const share = Float32Array.from({ length: classes }, (_, id) => (id >= first ? 1 / (classes - first) : 0));
  const counted = maths.binary('Mul', weights, ctx.emitter.constant(share, [classes, 1], 'float32'));
  return { numerator, denominator, counted };
}

/** N of the cross-entropy, 1 where it would be 0: the sum that it divides is 0 then. */
function divisorOf(
  ctx: LoweringContext,
  maths: Maths,
  node: Node,
  { counted, kept, weights }: { readonly counted: Emitted; readonly kept: Emitted; readonly weights: Emitted },
): Emitted {
  const { batch, voxels } = maths.sizes;
  const normalise = stringAttribute(node, 'normalise');
  if (normalise === 'voxels') return maths.constant(batch * voxels);
  const rows = maths.binary('Mul', weights, normalise === 'kept' ? kept : counted);
  const total = emitReduce(ctx, 'ReduceSum', rows, [0, 1], false);
  const isZero = ctx.emitter.node('Equal', [total, maths.constant(0)], {}, total.shape, 'bool');
  return maths.binary('Add', total, ctx.emitter.cast(isZero, 'float32'));
}

/** Outputs: loss, p (as logits), p_y [b, v], statistics [k, 3] = (TP, P, T), N of the cross-entropy. */
function segmentationLoss(
  ctx: LoweringContext,
  node: Node,
  [logits, labels, voxel, klass]: readonly Lowered[],
): readonly Lowered[] {
  const { emitter } = ctx;
  const layout = layoutOf(logits!);
  const sizes = sizesOf(logits!, layout);
  const maths = new Maths(ctx, sizes);
  const { batch, classes, voxels } = sizes;
  const z = emitter.reshape(logits!.as(layout), [batch, classes, voxels]);
  const shifted = maths.binary('Sub', z, emitReduce(ctx, 'ReduceMax', z, [1]));
  const exponentials = maths.unary('Exp', shifted);
  const total = emitReduce(ctx, 'ReduceSum', exponentials, [1]);
  const p = maths.binary('Div', exponentials, total);
  const hot = maths.oneHot(labels!);
  const m = maths.voxelWeights(voxel!);
  const w = maths.classWeights(klass!);
  const shiftedLabel = emitReduce(ctx, 'ReduceSum', maths.binary('Mul', hot, shifted), [1]);
  const logLabel = maths.binary('Sub', shiftedLabel, maths.unary('Log', total));
  const pLabel = maths.unary('Exp', logLabel);

  const one = emitter.node('Expand', [emitter.float(1, [1, 1, 1]), emitter.int64([batch, 1, voxels])], {}, [
    batch,
    1,
    voxels,
  ]);
  const rows = [maths.binary('Mul', m, pLabel), m, maths.binary('Mul', m, logLabel), one];
  const byLabel = maths.overVoxels(hot, emitter.node('Concat', rows, { axis: 1 }, [batch, 4, voxels]));
  const pick = (index: number) => takeAt(ctx, byLabel, 1, [index]);
  const overlap = pick(0);
  const present = pick(1);
  const predicted = maths.overVoxels(p, m);
  const divisor = divisorOf(ctx, maths, node, { counted: pick(3), kept: present, weights: w });
  const logSum = emitReduce(ctx, 'ReduceSum', maths.binary('Mul', w, pick(2)), [0, 1], false);
  const crossEntropy = maths.binary('Div', maths.unary('Neg', logSum), divisor);

  const { numerator, denominator, counted } = diceParts(ctx, maths, node, overlap, predicted, present, w);
  const dice = emitReduce(
    ctx,
    'ReduceSum',
    maths.binary('Mul', counted, maths.binary('Div', numerator, denominator)),
    [0, 1],
    false,
  );
  const diceLoss = maths.binary('Sub', maths.constant(1), dice);
  const ce = maths.binary('Mul', crossEntropy, maths.constant(numberAttribute(node, 'crossEntropy')));
  const loss = maths.binary('Add', ce, maths.binary('Mul', diceLoss, maths.constant(numberAttribute(node, 'dice'))));
  const statistics = emitter.node('Concat', [overlap, predicted, present], { axis: 1 }, [classes, 3]);
  const memory = physicalShape(layout, logits!.shape);
  return [
    ctx.result(node, 0, emitter.reshape(loss, [])),
    ctx.result(node, 1, emitter.reshape(p, memory), layout),
    ctx.result(node, 2, emitter.reshape(pLabel, node.outputs[2]!.shape)),
    ctx.result(node, 3, statistics),
    ctx.result(node, 4, emitter.reshape(divisor, [])),
  ];
}

/**
 * With A_c = -2 b w_c / (K den_c) and B_c = b w_c num_c / (K den_c^2), the gradient is
 * p (m B + r) + [y = c] e per voxel, r = m (-A_y p_y - sum_k B_k p_k) + c, e = m p_y A_y - c, c = a m w_y / N.
 */
function segmentationLossGrad(
  ctx: LoweringContext,
  node: Node,
  [dLoss, probabilities, pLabel, labels, voxel, klass, statistics, divisor]: readonly Lowered[],
): readonly Lowered[] {
  const { emitter } = ctx;
  const layout = layoutOf(probabilities!);
  const sizes = sizesOf(probabilities!, layout);
  const maths = new Maths(ctx, sizes);
  const { batch, classes, voxels } = sizes;
  const p = emitter.reshape(probabilities!.as(layout), [batch, classes, voxels]);
  const py = emitter.reshape(pLabel!.dense(), [batch, 1, voxels]);
  const hot = maths.oneHot(labels!);
  const m = maths.voxelWeights(voxel!);
  const w = maths.classWeights(klass!);
  const table = statistics!.dense();
  const pick = (index: number) => takeAt(ctx, table, 1, [index]);
  const { numerator, denominator, counted } = diceParts(ctx, maths, node, pick(0), pick(1), pick(2), w);
  const upstream = emitter.reshape(dLoss!.dense(), []);
  const share = maths.binary(
    'Mul',
    counted,
    maths.binary('Mul', upstream, maths.constant(numberAttribute(node, 'dice'))),
  );
  const perDenominator = maths.binary('Div', share, denominator);
  const a = maths.binary('Mul', perDenominator, maths.constant(-2));
  const b = maths.binary('Div', maths.binary('Mul', perDenominator, numerator), denominator);
  const ceFactor = maths.binary(
    'Div',
    maths.binary('Mul', upstream, maths.constant(numberAttribute(node, 'crossEntropy'))),
    emitter.reshape(divisor!.dense(), []),
  );

  const pair = emitter.node('Concat', [a, w], { axis: 1 }, [classes, 2]);
  const found = maths.atLabels(emitter.transpose(pair, [1, 0]), hot);
  const row = (index: number) => takeAt(ctx, found, 1, [index]);
  const aLabel = maths.binary('Mul', row(0), maths.binary('Mul', m, py));
  const c = maths.binary('Mul', maths.binary('Mul', m, row(1)), ceFactor);
  const mixed = emitter.node('MatMul', [emitter.reshape(b, [1, 1, classes]), p], {}, [batch, 1, voxels]);
  const r = maths.binary('Sub', maths.binary('Sub', c, aLabel), maths.binary('Mul', m, mixed));
  const e = maths.binary('Sub', aLabel, c);
  const bColumn = emitter.reshape(b, [1, classes, 1]);
  const perClass =
    voxel!.rank > 0
      ? maths.binary('Mul', m, bColumn)
      : maths.binary('Mul', emitter.reshape(voxel!.dense(), [1, 1, 1]), bColumn);
  const smooth = maths.binary('Mul', p, maths.binary('Add', perClass, r));
  const gradient = maths.binary('Add', smooth, maths.binary('Mul', hot, e));
  const memory = physicalShape(layout, probabilities!.shape);
  return [ctx.result(node, 0, emitter.reshape(gradient, memory), layout)];
}

export const segmentationLossLowerings: LoweringTable = {
  SegmentationLoss: segmentationLoss,
  SegmentationLossGrad: segmentationLossGrad,
};
