import type { KernelConfig, TensorInfo } from '@tensorflow/tfjs-core';
import type { OnnxRuntimeBackend } from '../backend.js';
import type { Value } from '../graph/ir.js';
import { composeActivation, type FusedActivation, optionalValue } from './activation.js';
import { channelFirst, channelLast } from './data-format.js';
import { defineKernel, type Input } from './define.js';
import { floatValue } from './elementwise.js';
import {
  type Conv2DAttributes,
  type Conv3DAttributes,
  convAttributes,
  convWindows2d,
  convWindows3d,
  type Windows,
} from './geometry.js';
import { composeSlice } from './join.js';

function conv(backend: OnnxRuntimeBackend, inputs: readonly Value[], found: Windows): Value {
  return backend.compose('Conv', inputs, convAttributes(found), found.outShape, 'float32');
}

/** A per-channel operand of a channel-first result: [c] -> [c, 1, 1]. */
function perChannel(backend: OnnxRuntimeBackend, x: Value | undefined, format: string | undefined): Value | undefined {
  if (!x || format !== 'NCHW' || x.shape.length !== 1 || x.shape[0] === 1) return x;
  return backend.compose('Reshape', [x], {}, [x.shape[0]!, 1, 1], x.dtype);
}

const conv2d = defineKernel<Input<'x' | 'filter'>, Conv2DAttributes>('Conv2D', (backend, { x, filter }, attributes) => {
  const { dataFormat } = attributes;
  const found = convWindows2d(x.shape, filter.shape, attributes);
  const input = channelLast(backend, floatValue(backend, x), dataFormat);
  return backend.tensor(channelFirst(backend, conv(backend, [input, floatValue(backend, filter)], found), dataFormat));
});

const conv3d = defineKernel<Input<'x' | 'filter'>, Conv3DAttributes>('Conv3D', (backend, { x, filter }, attributes) =>
  backend.tensor(
    conv(
      backend,
      [floatValue(backend, x), floatValue(backend, filter)],
      convWindows3d(x.shape, filter.shape, attributes),
    ),
  ),
);

/** Convolution with its bias in one operation. Own kernel names: `conv2d` and `conv3d` of this package call them. */
const biased3d = defineKernel<Input<'x' | 'filter' | 'bias'>, Conv3DAttributes>(
  'BiasedConv3D',
  (backend, { x, filter, bias }, attributes) => {
    const values = [x, filter, bias].map((info) => floatValue(backend, info));
    return backend.tensor(conv(backend, values, convWindows3d(x.shape, filter.shape, attributes)));
  },
);

const biased2d = defineKernel<Input<'x' | 'filter' | 'bias'>, Conv2DAttributes>(
  'BiasedConv2D',
  (backend, { x, filter, bias }, attributes) => {
    const values = [x, filter, bias].map((info) => floatValue(backend, info));
    return backend.tensor(conv(backend, values, convWindows2d(x.shape, filter.shape, attributes)));
  },
);

const fusedConv2d = defineKernel<
  Input<'x' | 'filter' | 'bias' | 'preluActivationWeights'>,
  Conv2DAttributes & FusedActivation
>('FusedConv2D', (backend, inputs, attributes) => {
  const { x, filter } = inputs;
  const { dataFormat } = attributes;
  const found = convWindows2d(x.shape, filter.shape, attributes);
  const input = channelLast(backend, floatValue(backend, x), dataFormat);
  const bias = optionalValue(backend, inputs.bias);
  const inside = bias && bias.shape.length === 1 && bias.shape[0] === found.outShape[3];
  const operands = inside ? [input, floatValue(backend, filter), bias] : [input, floatValue(backend, filter)];
  let value = channelFirst(backend, conv(backend, operands, found), dataFormat);
  if (bias && !inside) value = backend.composeElementwise('Add', [value, bias], {}, value.shape, 'float32');
  const slope = perChannel(backend, optionalValue(backend, inputs.preluActivationWeights), dataFormat);
  return backend.tensor(composeActivation(backend, value, attributes, slope));
});

function inputGradient(
  backend: OnnxRuntimeBackend,
  inputs: readonly Value[],
  found: Windows,
  shape: readonly number[],
) {
  return backend.compose('ConvBackpropInput', inputs, convAttributes(found), shape, 'float32');
}

const conv3dInput = defineKernel<Input<'dy' | 'filter'>, Conv3DAttributes & { inputShape: number[] }>(
  'Conv3DBackpropInputV2',
  (backend, { dy, filter }, attributes) => {
    const found = convWindows3d(attributes.inputShape, filter.shape, attributes);
    const values = [floatValue(backend, dy), floatValue(backend, filter)];
    return backend.tensor(inputGradient(backend, values, found, attributes.inputShape));
  },
);

const conv2dInput = defineKernel<Input<'dy' | 'filter'>, Conv2DAttributes & { inputShape: number[] }>(
  'Conv2DBackpropInput',
  (backend, { dy, filter }, attributes) => {
    const { dataFormat, inputShape } = attributes;
    const found = convWindows2d(inputShape, filter.shape, attributes);
    const gradient = channelLast(backend, floatValue(backend, dy), dataFormat);
    // Rows and columns past the windows of that input shape are not read.
    const read = gradient.shape.map((side, axis) => Math.min(side, found.outShape[axis]!));
    const values = [composeSlice(backend, gradient, [0, 0, 0, 0], read), floatValue(backend, filter)];
    const [b, c, h, w] = inputShape as [number, number, number, number];
    const shape = dataFormat === 'NCHW' ? [b, h, w, c] : inputShape;
    return backend.tensor(channelFirst(backend, inputGradient(backend, values, found, shape), dataFormat));
  },
);

const biasedTranspose3d = defineKernel<Input<'x' | 'filter' | 'bias'>, Conv3DAttributes & { outputShape: number[] }>(
  'BiasedConvTranspose3D',
  (backend, { x, filter, bias }, attributes) => {
    const found = convWindows3d(attributes.outputShape, filter.shape, attributes);
    const values = [x, filter, bias].map((info) => floatValue(backend, info));
    return backend.tensor(inputGradient(backend, values, found, attributes.outputShape));
  },
);

function filterGradient(
  backend: OnnxRuntimeBackend,
  x: Value,
  dy: Value,
  found: Windows,
  filterShape: readonly number[],
): TensorInfo {
  return backend.tensor(backend.compose('ConvBackpropFilter', [x, dy], convAttributes(found), filterShape, 'float32'));
}

const conv3dFilter = defineKernel<Input<'x' | 'dy'>, Conv3DAttributes & { filterShape: number[] }>(
  'Conv3DBackpropFilterV2',
  (backend, { x, dy }, attributes) => {
    const found = convWindows3d(x.shape, attributes.filterShape, attributes);
    return filterGradient(backend, floatValue(backend, x), floatValue(backend, dy), found, attributes.filterShape);
  },
);

const conv2dFilter = defineKernel<Input<'x' | 'dy'>, Conv2DAttributes & { filterShape: number[] }>(
  'Conv2DBackpropFilter',
  (backend, { x, dy }, attributes) => {
    const { dataFormat, filterShape } = attributes;
    const found = convWindows2d(x.shape, filterShape, attributes);
    const image = channelLast(backend, floatValue(backend, x), dataFormat);
    return filterGradient(
      backend,
      image,
      channelLast(backend, floatValue(backend, dy), dataFormat),
      found,
      filterShape,
    );
  },
);

export const convolutionKernels: readonly KernelConfig[] = [
  conv2d,
  conv3d,
  biased2d,
  biased3d,
  fusedConv2d,
  biasedTranspose3d,
  conv2dInput,
  conv3dInput,
  conv2dFilter,
  conv3dFilter,
];
