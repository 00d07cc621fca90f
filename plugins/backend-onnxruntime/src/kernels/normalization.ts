import { type KernelConfig, util } from '@tensorflow/tfjs-core';
import { defineKernel, type Input } from './define.js';
import { floatValue } from './elementwise.js';
import { scalarLeaf } from './leaf.js';

/**
 * (x - mean) * scale / sqrt(variance + epsilon) + offset, with statistics that broadcast against x. Statistics per channel
 * of an image make it one pass: x * factor + shift.
 */
const batchNorm = defineKernel<
  Input<'x' | 'scale' | 'offset' | 'mean' | 'variance'>,
  { varianceEpsilon?: number | null }
>('FusedBatchNorm', (backend, inputs, attributes) => {
  const { x, scale, offset, mean, variance } = inputs;
  for (const [name, other] of Object.entries({ variance, offset, scale })) {
    util.assert(
      !other || other.shape.length === mean.shape.length,
      () => `Batch normalization gradient requires mean and ${name} to have equal ranks.`,
    );
  }
  const each = (op: string, values: Parameters<typeof backend.compose>[1], shape: readonly number[]) =>
    backend.composeElementwise(op, values, {}, shape, 'float32');
  const epsilon = scalarLeaf(attributes.varianceEpsilon ?? 0.001, 'float32');
  const shifted = each('Add', [floatValue(backend, variance), epsilon], variance.shape);
  let factor = each('Rsqrt', [shifted], variance.shape);
  if (scale) factor = each('Multiply', [factor, floatValue(backend, scale)], variance.shape);
  if (mean.shape.length === 1 && x.shape.length >= 4) {
    const moved = each('Multiply', [floatValue(backend, mean), factor], mean.shape);
    const shift = offset
      ? each('Sub', [floatValue(backend, offset), moved], mean.shape)
      : each('Neg', [moved], mean.shape);
    const operands = [floatValue(backend, x), factor, shift];
    return backend.tensor(backend.compose('ChannelAffine', operands, { slope: 1 }, x.shape, 'float32'));
  }
  const centred = each('Sub', [floatValue(backend, x), floatValue(backend, mean)], x.shape);
  const scaled = each('Multiply', [centred, factor], x.shape);
  return backend.tensor(offset ? each('Add', [scaled, floatValue(backend, offset)], x.shape) : scaled);
});

export const normalizationKernels: readonly KernelConfig[] = [batchNorm];
