import type { Node } from '../graph/ir.js';
import { channelOps } from './channel.js';
import { booleanAttribute, type LoweringContext, numbersAttribute, stringAttribute } from './context.js';
import { product } from './conv-geometry.js';
import type { Lowered } from './lowered.js';
import { emitReduce } from './reduce.js';

/**
 * Whether x is what a normalisation by the statistics of every channel hands on to its input: it sums to nothing over
 * them, for the normalisation takes every shift of a channel away.
 */
function isOfNormalised({ inputs: [x] }: Node): boolean {
  const source = x!.node;
  return source?.op === 'NormActivationGrad' && x!.index === 0 && source.attributes.norm !== 'group';
}

/**
 * Sum or mean of a blocked tensor over all axes but the channels (the gradient of every bias), by the pooling that the
 * normalisations use. Undefined where that does not apply: the general reduction then takes several slow passes.
 */
export function reduceOverVoxels(ctx: LoweringContext, node: Node, x: Lowered): readonly Lowered[] | undefined {
  const axes = numbersAttribute(node, 'axes');
  const kind = stringAttribute(node, 'kind');
  const blocked = x.primary.splits.length > 0 && x.rank >= 4;
  const allButChannels = axes.length === x.rank - 1 && !axes.includes(x.rank - 1);
  if (!blocked || !allButChannels || (kind !== 'Sum' && kind !== 'Mean') || x.dtype !== 'float32') return undefined;
  const { emitter } = ctx;
  if (isOfNormalised(node)) return [ctx.result(node, 0, emitter.float(0, node.outputs[0]!.shape))];
  const ops = channelOps(ctx, x);
  const mean = emitReduce(ctx, 'ReduceMean', ops.mean(x.as(ops.layout)), [0], false);
  const count = product(x.shape.slice(0, -1));
  const value = kind === 'Mean' ? mean : emitter.node('Mul', [mean, emitter.float(count)], {}, mean.shape);
  const shape = booleanAttribute(node, 'keepDims') ? [...axes.map(() => 1), mean.shape[0]!] : mean.shape;
  return [ctx.result(node, 0, emitter.reshape(value, shape))];
}
