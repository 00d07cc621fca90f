import { backend_util, type KernelConfig, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { OnnxRuntimeBackend } from '../backend.js';
import { defineKernel, type Input } from './define.js';

/** Geometry of a convolution over its spatial axes. */
interface Geometry {
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padBefore: readonly number[];
  readonly padAfter: readonly number[];
}

type Triple = [number, number, number];
type Pad3 = 'valid' | 'same';

function geometry3d(info: ReturnType<typeof backend_util.computeConv3DInfo>): Geometry & { outShape: number[] } {
  const { padInfo } = info;
  return {
    strides: [info.strideDepth, info.strideHeight, info.strideWidth],
    dilations: [info.dilationDepth, info.dilationHeight, info.dilationWidth],
    padBefore: [padInfo.front, padInfo.top, padInfo.left],
    padAfter: [padInfo.back, padInfo.bottom, padInfo.right],
    outShape: info.outShape,
  };
}

function geometry2d(info: ReturnType<typeof backend_util.computeConv2DInfo>): Geometry & { outShape: number[] } {
  const { padInfo } = info;
  return {
    strides: [info.strideHeight, info.strideWidth],
    dilations: [info.dilationHeight, info.dilationWidth],
    padBefore: [padInfo.top, padInfo.left],
    padAfter: [padInfo.bottom, padInfo.right],
    outShape: info.outShape,
  };
}

function attributesOf({ strides, dilations, padBefore, padAfter }: Geometry) {
  return { strides, dilations, padBefore, padAfter };
}

interface Conv3DAttributes {
  strides: Triple | number;
  pad: Pad3;
  dilations?: Triple | number;
}

interface Conv2DAttributes {
  strides: [number, number] | number;
  pad: Pad3 | number | backend_util.ExplicitPadding;
  dataFormat?: 'NHWC' | 'NCHW';
  dilations?: [number, number] | number;
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

type Shape4 = [number, number, number, number];
type Shape5 = [number, number, number, number, number];

function info3d(
  inputShape: readonly number[],
  filterShape: readonly number[],
  { strides, pad, dilations }: Conv3DAttributes,
) {
  const info = backend_util.computeConv3DInfo(
    inputShape as Shape5,
    filterShape as Shape5,
    strides,
    dilations ?? 1,
    pad,
  );
  return geometry3d(info);
}

function info2d(inputShape: readonly number[], filterShape: readonly number[], attributes: Conv2DAttributes) {
  const { strides, pad, dataFormat, dilations, dimRoundingMode } = attributes;
  util.assert((dataFormat ?? 'NHWC') === 'NHWC', () => `conv2d: data format ${dataFormat} is not supported, only NHWC`);
  const info = backend_util.computeConv2DInfo(
    inputShape as Shape4,
    filterShape as Shape4,
    strides,
    dilations ?? 1,
    pad as 'same',
    dimRoundingMode,
    false,
  );
  return geometry2d(info);
}

function conv(backend: OnnxRuntimeBackend, inputs: TensorInfo[], found: ReturnType<typeof info3d>): TensorInfo {
  return backend.recordOne('Conv', inputs, attributesOf(found), found.outShape, 'float32');
}

/** Convolution with its bias in one operation. Own kernel names: `ops.conv` dispatches to them. */
const biased3d = defineKernel<Input<'x' | 'filter' | 'bias'>, Conv3DAttributes>(
  'BiasedConv3D',
  (backend, { x, filter, bias }, attributes) =>
    conv(backend, [x, filter, bias], info3d(x.shape, filter.shape, attributes)),
);

const biased2d = defineKernel<Input<'x' | 'filter' | 'bias'>, Conv2DAttributes>(
  'BiasedConv2D',
  (backend, { x, filter, bias }, attributes) =>
    conv(backend, [x, filter, bias], info2d(x.shape, filter.shape, attributes)),
);

const conv3d = defineKernel<Input<'x' | 'filter'>, Conv3DAttributes>('Conv3D', (backend, { x, filter }, attributes) =>
  conv(backend, [x, filter], info3d(x.shape, filter.shape, attributes)),
);

const conv2d = defineKernel<Input<'x' | 'filter'>, Conv2DAttributes>('Conv2D', (backend, { x, filter }, attributes) =>
  conv(backend, [x, filter], info2d(x.shape, filter.shape, attributes)),
);

const conv3dInput = defineKernel<Input<'dy' | 'filter'>, Conv3DAttributes & { inputShape: number[] }>(
  'Conv3DBackpropInputV2',
  (backend, { dy, filter }, attributes) => {
    const found = info3d(attributes.inputShape, filter.shape, attributes);
    return backend.recordOne('ConvBackpropInput', [dy, filter], attributesOf(found), attributes.inputShape, 'float32');
  },
);

const conv2dInput = defineKernel<Input<'dy' | 'filter'>, Conv2DAttributes & { inputShape: number[] }>(
  'Conv2DBackpropInput',
  (backend, { dy, filter }, attributes) => {
    const found = info2d(attributes.inputShape, filter.shape, attributes);
    return backend.recordOne('ConvBackpropInput', [dy, filter], attributesOf(found), attributes.inputShape, 'float32');
  },
);

const biasedTranspose3d = defineKernel<Input<'x' | 'filter' | 'bias'>, Conv3DAttributes & { outputShape: number[] }>(
  'BiasedConvTranspose3D',
  (backend, { x, filter, bias }, attributes) => {
    const found = info3d(attributes.outputShape, filter.shape, attributes);
    return backend.recordOne(
      'ConvBackpropInput',
      [x, filter, bias],
      attributesOf(found),
      attributes.outputShape,
      'float32',
    );
  },
);

const conv3dFilter = defineKernel<Input<'x' | 'dy'>, Conv3DAttributes & { filterShape: number[] }>(
  'Conv3DBackpropFilterV2',
  (backend, { x, dy }, attributes) => {
    const found = info3d(x.shape, attributes.filterShape, attributes);
    return backend.recordOne('ConvBackpropFilter', [x, dy], attributesOf(found), attributes.filterShape, 'float32');
  },
);

const conv2dFilter = defineKernel<Input<'x' | 'dy'>, Conv2DAttributes & { filterShape: number[] }>(
  'Conv2DBackpropFilter',
  (backend, { x, dy }, attributes) => {
    const found = info2d(x.shape, attributes.filterShape, attributes);
    return backend.recordOne('ConvBackpropFilter', [x, dy], attributesOf(found), attributes.filterShape, 'float32');
  },
);

export const convolutionKernels: readonly KernelConfig[] = [
  conv2d,
  conv3d,
  biased2d,
  biased3d,
  biasedTranspose3d,
  conv2dInput,
  conv3dInput,
  conv2dFilter,
  conv3dFilter,
];
