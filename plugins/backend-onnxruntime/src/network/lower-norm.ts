import type { Node } from '../graph/ir.js';
import { numberAttribute, stringAttribute } from '../lowering/context.js';
import type { Emitted } from '../lowering/emitter.js';
import type { Lowered } from '../lowering/lowered.js';
import { emitReduce } from '../lowering/reduce.js';
import { slopeOf } from './fuse.js';
import { PLAIN } from './lower-conv.js';
import { activation, fitsPlanes, hasPlanes, planesOf, planesResult } from './planes.js';
import type { NetworkScope } from './scope.js';

/**
 * Instance and group normalisation with its activation: leaky(scale (x - mean) / sqrt(variance + epsilon) + offset). The
 * variance is the mean square of the deviations (two passes).
 */
export function lowerNorm(scope: NetworkScope, node: Node): Lowered | undefined {
  const [source, scale, offset] = scope.inputsOf(node) as [Lowered, Lowered, Lowered];
  const norm = stringAttribute(node, 'norm');
  if (!fitsPlanes(scope, source.shape) || !hasPlanes(source) || norm === 'batch') return undefined;
  const { emitter } = scope;
  const planes = planesOf(scope, source);
  const channels = source.shape[4]!;
  const groups = norm === 'group' ? numberAttribute(node, 'groups') : channels;
  const ops = planeOps(scope, source.shape);
  const mean = overGroups(scope, ops.mean(planes), groups);
  const negative = emitter.node('Neg', [mean], {}, mean.shape);
  const centred = ops.affine(planes, emitter.float(1, [channels]), negative, 1);
  const variance = overGroups(scope, ops.meanSquare(centred), groups);
  const shifted = emitter.node('Add', [variance, emitter.float(numberAttribute(node, 'epsilon'))], {}, [channels]);
  const deviation = emitter.node('Sqrt', [shifted], {}, [channels]);
  const factor = emitter.node('Div', [scale.dense(), deviation], {}, [channels]);
  const y = ops.affine(centred, factor, offset.dense(), slopeOf(node));
  return planesResult(scope, node, emitter.reshape(y, planes.shape));
}

/** Averages [c] over what shares statistics. */
function overGroups(scope: NetworkScope, value: Emitted, groups: number): Emitted {
  const { emitter, ctx } = scope;
  const channels = value.shape[0]!;
  if (groups === channels) return value;
  const parted = emitter.reshape(value, [groups, channels / groups]);
  const pooled = emitReduce(ctx, 'ReduceMean', parted, [1]);
  const spread = emitter.node('Expand', [pooled, emitter.int64(parted.shape)], {}, parted.shape);
  return emitter.reshape(spread, [channels]);
}

/** Statistics [c] and affine maps of planes, each channel of each plane a channel of one image. */
function planeOps(scope: NetworkScope, shape: readonly number[]) {
  const { emitter, ctx } = scope;
  const [, depth, height, width, channels] = shape as [number, number, number, number, number];
  const lanes = depth * channels;
  const eachPlane = (value: Emitted) => {
    const spread = emitter.node('Expand', [value, emitter.int64([depth, channels])], {}, [depth, channels]);
    return emitter.reshape(spread, [lanes]);
  };
  const asImage = (x: Emitted) => emitter.reshape(x, [1, lanes, height, width]);
  const perPlane = (value: Emitted) => emitter.reshape(value, [depth, channels]);
  return {
    mean(x: Emitted): Emitted {
      const pooled = emitter.blocked('GlobalAveragePool', [asImage(x)], {}, [1, lanes, 1, 1]);
      return emitReduce(ctx, 'ReduceMean', perPlane(pooled), [0], false);
    },
    /** x itself is the kernel of a depthwise convolution whose one output is the sum of squares. */
    meanSquare(x: Emitted): Emitted {
      const kernel = emitter.reshape(x, [lanes, 1, height, width]);
      const attributes = { kernel_shape: [height, width], ...PLAIN, pads: [0, 0, 0, 0], group: lanes };
      const sums = emitter.blocked('Conv', [asImage(x), kernel], attributes, [1, lanes, 1, 1]);
      const total = emitReduce(ctx, 'ReduceSum', perPlane(sums), [0], false);
      return emitter.node('Mul', [total, emitter.float(1 / (depth * height * width))], {}, [channels]);
    },
    affine(x: Emitted, factor: Emitted, shift: Emitted, slope: number): Emitted {
      const row = [1, lanes, 1, height * width];
      const kernel = emitter.reshape(eachPlane(factor), [lanes, 1, 1, 1]);
      const attributes = { kernel_shape: [1, 1], ...PLAIN, pads: [0, 0, 0, 0], group: lanes, ...activation(slope) };
      return emitter.blocked('Conv', [emitter.reshape(x, row), kernel, eachPlane(shift)], attributes, row);
    },
  };
}
