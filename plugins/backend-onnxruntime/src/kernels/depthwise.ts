import type { KernelConfig, TensorInfo } from '@tensorflow/tfjs-core';
import type { OnnxRuntimeBackend } from '../backend.js';
import type { Value } from '../graph/ir.js';
import { composeActivation, type FusedActivation, optionalValue } from './activation.js';
import { channelFirst, channelLast } from './data-format.js';
import { defineKernel, type Input } from './define.js';
import { floatValue } from './elementwise.js';
import { type Conv2DAttributes, convAttributes, convWindows2d } from './geometry.js';

function depthwise(
  backend: OnnxRuntimeBackend,
  x: TensorInfo,
  filter: TensorInfo,
  attributes: Conv2DAttributes,
): Value {
  const { dataFormat } = attributes;
  const found = convWindows2d(x.shape, filter.shape, attributes, true);
  const inputs = [channelLast(backend, floatValue(backend, x), dataFormat), floatValue(backend, filter)];
  const y = backend.compose('DepthwiseConv', inputs, convAttributes(found), found.outShape, 'float32');
  return channelFirst(backend, y, dataFormat);
}

const plain = defineKernel<Input<'x' | 'filter'>, Conv2DAttributes>(
  'DepthwiseConv2dNative',
  (backend, { x, filter }, attributes) => backend.tensor(depthwise(backend, x, filter, attributes)),
);

const fused = defineKernel<
  Input<'x' | 'filter' | 'bias' | 'preluActivationWeights'>,
  Conv2DAttributes & FusedActivation
>('FusedDepthwiseConv2D', (backend, { x, filter, bias, preluActivationWeights }, attributes) => {
  let value = depthwise(backend, x, filter, attributes);
  if (bias) value = backend.composeElementwise('Add', [value, floatValue(backend, bias)], {}, value.shape, 'float32');
  return backend.tensor(composeActivation(backend, value, attributes, optionalValue(backend, preluActivationWeights)));
});

const inputGradient = defineKernel<Input<'dy' | 'filter'>, Conv2DAttributes & { inputShape: number[] }>(
  'DepthwiseConv2dNativeBackpropInput',
  (backend, { dy, filter }, attributes) => {
    const found = convWindows2d(attributes.inputShape, filter.shape, attributes, true);
    const inputs = [floatValue(backend, dy), floatValue(backend, filter)];
    return backend.tensor(
      backend.compose('DepthwiseConvBackpropInput', inputs, convAttributes(found), attributes.inputShape, 'float32'),
    );
  },
);

const filterGradient = defineKernel<Input<'x' | 'dy'>, Conv2DAttributes & { filterShape: number[] }>(
  'DepthwiseConv2dNativeBackpropFilter',
  (backend, { x, dy }, attributes) => {
    const found = convWindows2d(x.shape, attributes.filterShape, attributes, true);
    const inputs = [floatValue(backend, x), floatValue(backend, dy)];
    return backend.tensor(
      backend.compose('DepthwiseConvBackpropFilter', inputs, convAttributes(found), attributes.filterShape, 'float32'),
    );
  },
);

export const depthwiseKernels: readonly KernelConfig[] = [plain, fused, inputGradient, filterGradient];
