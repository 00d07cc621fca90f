import type * as TensorFlow from '@tensorflow/tfjs-core';
import type { GradConfig, NamedAttrMap, Tensor } from '@tensorflow/tfjs-core';

interface TransposeAttributes extends NamedAttrMap {
  readonly strides: [number, number, number] | number;
  readonly pad: 'valid' | 'same';
}

/**
 * Gradient of the kernel behind `tf.conv3dTranspose`, which TensorFlow.js 4.22 lacks on every backend. With
 * y = conv3dTranspose(dy, filter), the adjoint in `dy` is the convolution whose input gradient y is, and y is linear in
 * the filter, so with the incoming gradient g `[b, d, h, w, out]`:
 *
 * ∂dy = conv3d(g, filter), ∂filter = the filter gradient of that convolution, at input g and output gradient `dy`.
 */
export function conv3dTransposeGradient(tf: typeof TensorFlow): GradConfig {
  return {
    kernelName: tf.Conv3DBackpropInputV2,
    inputsToSave: ['dy', 'filter'],
    gradFunc: (incoming, saved, attributes) => {
      const g = incoming as Tensor;
      const [dy, filter] = saved as [Tensor, Tensor];
      const { strides, pad } = attributes as TransposeAttributes;
      const filterShape = filter.shape as [number, number, number, number, number];
      const forward = { strides, pad, dataFormat: 'NDHWC', dilations: 1 };
      return {
        dy: () => tf.engine().runKernel(tf.Conv3D, { x: g, filter }, forward) as Tensor,
        filter: () =>
          tf.engine().runKernel(tf.Conv3DBackpropFilterV2, { x: g, dy }, { strides, pad, filterShape }) as Tensor,
      };
    },
  };
}

/** Registers the gradients of this file that are absent; one that somebody else registered stays. */
export function registerMissingGradients(tf: typeof TensorFlow): void {
  const gradient = conv3dTransposeGradient(tf);
  if (tf.getGradient(gradient.kernelName) === undefined) tf.registerGradient(gradient);
}
