import {
  Conv3D,
  Conv3DBackpropFilterV2,
  Conv3DBackpropInputV2,
  engine,
  type GradConfig,
  getGradient,
  registerGradient,
  type Tensor,
  type Tensor5D,
} from '@tensorflow/tfjs-core';

interface Attributes {
  readonly strides: [number, number, number] | number;
  readonly pad: 'valid' | 'same';
}

/**
 * Gradient of the kernel behind `tf.conv3dTranspose`, which TensorFlow.js 4.22 lacks. y = conv3dTranspose(x, f) is the
 * input gradient of the convolution with f, hence linear in both: with g the gradient at y [b, d, h, w, out],
 * ∂x = conv3d(g, f) and ∂f = the filter gradient of that convolution at input g and output gradient x.
 */
const gradient: GradConfig = {
  kernelName: Conv3DBackpropInputV2,
  inputsToSave: ['dy', 'filter'],
  gradFunc: (incoming, saved, attributes) => {
    const g = incoming as Tensor;
    const [x, filter] = saved as [Tensor5D, Tensor5D];
    const { strides, pad } = attributes as unknown as Attributes;
    const forward = { strides, pad, dataFormat: 'NDHWC', dilations: 1 };
    const backward = { strides, pad, filterShape: filter.shape };
    return {
      dy: () => engine().runKernel(Conv3D, { x: g, filter }, forward) as Tensor,
      filter: () => engine().runKernel(Conv3DBackpropFilterV2, { x: g, dy: x }, backward) as Tensor,
    };
  },
};

/** Registers the gradient unless the backend brought its own. */
export function registerConvTransposeGradient(): void {
  if (getGradient(Conv3DBackpropInputV2) === undefined) registerGradient(gradient);
}
