import {
  Conv3D,
  Conv3DBackpropFilterV2,
  Conv3DBackpropInputV2,
  engine,
  type GradConfig,
  getGradient,
  type NamedAttrMap,
  registerGradient,
  Tensor,
} from '@tensorflow/tfjs-core';
import { chainedOps } from '../generated/tfjs-chained-ops.js';
import { gradientConfigs } from '../generated/tfjs-gradients.js';

interface TransposeAttributes extends NamedAttrMap {
  readonly strides: [number, number, number] | number;
  readonly pad: 'valid' | 'same';
}

/**
 * Gradient of the kernel behind `tf.conv3dTranspose`, which TensorFlow.js 4.22 lacks. With y = conv3dTranspose(dy, filter)
 * and the incoming gradient g: ∂dy = conv3d(g, filter), and ∂filter is the filter gradient of that convolution at input g
 * and output gradient `dy`.
 */
const conv3dTransposeGradient: GradConfig = {
  kernelName: Conv3DBackpropInputV2,
  inputsToSave: ['dy', 'filter'],
  gradFunc: (incoming, saved, attributes) => {
    const g = incoming as Tensor;
    const [dy, filter] = saved as [Tensor, Tensor];
    const { strides, pad } = attributes as TransposeAttributes;
    const filterShape = filter.shape as [number, number, number, number, number];
    const forward = { strides, pad, dataFormat: 'NDHWC', dilations: 1 };
    return {
      dy: () => engine().runKernel(Conv3D, { x: g, filter }, forward) as Tensor,
      filter: () => engine().runKernel(Conv3DBackpropFilterV2, { x: g, dy }, { strides, pad, filterShape }) as Tensor,
    };
  },
};

/**
 * Registers the gradients and tensor methods (`x.add(y)`) of tfjs-core, which its build for Node leaves out, and the
 * gradient that it lacks. What somebody else registered stays.
 */
export function registerGradientsAndMethods(): void {
  for (const gradient of [...gradientConfigs, conv3dTransposeGradient]) {
    if (getGradient(gradient.kernelName) === undefined) registerGradient(gradient);
  }
  const methods = Tensor.prototype as unknown as Record<string, unknown>;
  for (const [name, method] of Object.entries(chainedOps)) methods[name] ??= method;
}
