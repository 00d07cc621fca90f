/**
 * The filter gradient of a convolution from matrix products alone, for GPUs. The CPU's way, one grouped convolution whose
 * kernel is a whole image, is refused by WebGPU over three axes and leaves most of a GPU idle.
 */
import { overhang, product } from './conv-geometry.js';
import type { ConvGradient } from './conv-lowering.js';
import { denseLayout } from './layout.js';
import { emitReduce } from './reduce.js';
import { padOrCrop, strided, tapsOf } from './windows.js';

/**
 * Gradient with respect to the filter, one batched matrix product per kernel position: with x read at that position,
 * dW[position, i, o] = sum over samples and voxels of x[i] dy[o]. The batch is (sample, first spatial axis): partial
 * sums are short, so rounding stays small and a GPU has enough independent work.
 */
export const filterFromProducts: ConvGradient = (ctx, node, g, x, dy) => {
  const { emitter } = ctx;
  const rank = g.kernel.length;
  const later = Array.from({ length: rank - 1 }, (_, axis) => axis + 2);
  const planes = x.as(denseLayout([0, 1, rank + 1, ...later]));
  const axes = [1, ...later.map((axis) => axis + 1)];
  const span = g.output.map((side, axis) => (side - 1) * g.strides[axis]! + 1);
  const padded = padOrCrop(ctx, planes, axes, g.padBefore, overhang(g));
  const batch = g.batch * g.output[0]!;
  const voxels = product(g.output.slice(1));
  const right = emitter.reshape(dy.dense(), [batch, voxels, g.outChannels]);
  const products = tapsOf(g.kernel).map((tap) => {
    const starts = tap.map((position, axis) => position * g.dilations[axis]!);
    const ends = starts.map((start, axis) => start + span[axis]!);
    const read = strided(ctx, padded, axes, starts, ends, g.strides);
    const left = emitter.reshape(read, [batch, g.inChannels, voxels]);
    const value = emitter.node('MatMul', [left, right], {}, [batch, g.inChannels, g.outChannels]);
    return emitReduce(ctx, 'ReduceSum', value, [0]);
  });
  const shape = [products.length, g.inChannels, g.outChannels];
  const stacked = products.length === 1 ? products[0]! : emitter.node('Concat', products, { axis: 0 }, shape);
  return ctx.result(node, 0, emitter.reshape(stacked, node.outputs[0]!.shape));
};
