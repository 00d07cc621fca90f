import { backend_util, type KernelConfig, util } from '@tensorflow/tfjs-core';
import { defineKernel, type Input } from './define.js';
import { floatValue, identity } from './elementwise.js';
import { type PoolAttributes, poolWindows, windowAttributes } from './geometry.js';

type Kind = 'max' | 'average';

function pool(name: string, kind: Kind): KernelConfig {
  return defineKernel<Input<'x'>, PoolAttributes>(name, (backend, { x }, attributes) => {
    util.assert(
      backend_util.eitherStridesOrDilationsAreOne(attributes.strides, 1),
      () => `Error in ${name}: Either strides or dilations must be 1. Got strides ${attributes.strides}`,
    );
    const found = poolWindows(x.shape, attributes);
    const single = found.kernel.every((side) => side === 1);
    if (single && util.arraysEqual([...x.shape], [...found.outShape])) return identity(backend, x);
    const inputs = [floatValue(backend, x)];
    const dtype = x.dtype === 'int32' && kind === 'max' ? 'int32' : 'float32';
    return backend.tensor(backend.compose('Pool', inputs, { kind, ...windowAttributes(found) }, found.outShape, dtype));
  });
}

/** Inputs are {dy, input, output} for the maximum and {dy, input} for the average. */
function poolGradient(name: string, kind: Kind): KernelConfig {
  return defineKernel<Input<'dy' | 'input'>, PoolAttributes>(name, (backend, { dy, input }, attributes) => {
    const found = poolWindows(input.shape, attributes);
    const inputs = kind === 'max' ? [floatValue(backend, dy), floatValue(backend, input)] : [floatValue(backend, dy)];
    return backend.tensor(
      backend.compose('PoolGrad', inputs, { kind, ...windowAttributes(found) }, input.shape, 'float32'),
    );
  });
}

export const poolingKernels: readonly KernelConfig[] = [
  pool('MaxPool', 'max'),
  pool('MaxPool3D', 'max'),
  pool('AvgPool', 'average'),
  pool('AvgPool3D', 'average'),
  poolGradient('MaxPoolGrad', 'max'),
  poolGradient('MaxPool3DGrad', 'max'),
  poolGradient('AvgPoolGrad', 'average'),
  poolGradient('AvgPool3DGrad', 'average'),
];
