import { backend_util, util } from '@tensorflow/tfjs-core';

/** Sliding windows over the spatial axes of a channel-last tensor. */
export interface Windows {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padBefore: readonly number[];
  readonly padAfter: readonly number[];
  /** [b, ...spatial, c] */
  readonly outShape: readonly number[];
}

type Pair = [number, number];
type Triple = [number, number, number];
type Shape4 = [number, number, number, number];
type Shape5 = [number, number, number, number, number];
type Rounding = 'floor' | 'round' | 'ceil';

export interface Conv2DAttributes {
  strides: Pair | number;
  pad: 'same' | 'valid' | number | backend_util.ExplicitPadding;
  dataFormat?: 'NHWC' | 'NCHW';
  dilations?: Pair | number;
  dimRoundingMode?: Rounding;
}

export interface Conv3DAttributes {
  strides: Triple | number;
  pad: 'valid' | 'same';
  dilations?: Triple | number;
}

export interface PoolAttributes {
  filterSize: number | number[];
  strides: number | number[];
  pad: 'same' | 'valid' | number | backend_util.ExplicitPadding;
  dimRoundingMode?: Rounding;
  dataFormat?: string;
}

export function windowAttributes({ kernel, strides, dilations, padBefore, padAfter }: Windows) {
  return { kernel, strides, dilations, padBefore, padAfter };
}

/** The attributes of a convolution, whose kernel is known from its filter. */
export function convAttributes({ strides, dilations, padBefore, padAfter }: Windows) {
  return { strides, dilations, padBefore, padAfter };
}

function windows2d(info: backend_util.Conv2DInfo): Windows {
  const { padInfo } = info;
  return {
    kernel: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    dilations: [info.dilationHeight, info.dilationWidth],
    padBefore: [padInfo.top, padInfo.left],
    padAfter: [padInfo.bottom, padInfo.right],
    outShape: [info.batchSize, info.outHeight, info.outWidth, info.outChannels],
  };
}

function windows3d(info: backend_util.Conv3DInfo): Windows {
  const { padInfo } = info;
  return {
    kernel: [info.filterDepth, info.filterHeight, info.filterWidth],
    strides: [info.strideDepth, info.strideHeight, info.strideWidth],
    dilations: [info.dilationDepth, info.dilationHeight, info.dilationWidth],
    padBefore: [padInfo.front, padInfo.top, padInfo.left],
    padAfter: [padInfo.back, padInfo.bottom, padInfo.right],
    outShape: [info.batchSize, info.outDepth, info.outHeight, info.outWidth, info.outChannels],
  };
}

/** @param inputShape as the caller has it: [b, h, w, c], or [b, c, h, w] where the data format is NCHW */
export function convWindows2d(
  inputShape: readonly number[],
  filterShape: readonly number[],
  attributes: Conv2DAttributes,
  depthwise = false,
): Windows {
  const { strides, pad, dataFormat, dilations, dimRoundingMode } = attributes;
  const info = backend_util.computeConv2DInfo(
    inputShape as Shape4,
    filterShape as Shape4,
    strides,
    dilations ?? 1,
    pad as 'same',
    dimRoundingMode,
    depthwise,
    dataFormat === 'NCHW' ? 'channelsFirst' : 'channelsLast',
  );
  return windows2d(info);
}

export function convWindows3d(
  inputShape: readonly number[],
  filterShape: readonly number[],
  { strides, pad, dilations }: Conv3DAttributes,
): Windows {
  return windows3d(
    backend_util.computeConv3DInfo(inputShape as Shape5, filterShape as Shape5, strides, dilations ?? 1, pad),
  );
}

/** Windows of a pooling; TensorFlow.js dilates pooling by moving space to batch, so there are no dilations here. */
export function poolWindows(inputShape: readonly number[], attributes: PoolAttributes): Windows {
  const { filterSize, strides, pad, dimRoundingMode } = attributes;
  if (inputShape.length === 5) {
    return windows3d(
      backend_util.computePool3DInfo(
        inputShape as Shape5,
        filterSize as Triple,
        strides as Triple,
        1,
        pad as 'same',
        dimRoundingMode,
      ),
    );
  }
  util.assert(inputShape.length === 4, () => `pooling needs a tensor of rank 4 or 5, not [${inputShape}]`);
  return windows2d(
    backend_util.computePool2DInfo(
      inputShape as Shape4,
      filterSize as Pair,
      strides as Pair,
      1,
      pad as 'same',
      dimRoundingMode,
    ),
  );
}
