import type { KernelConfig, KernelFunc, NamedAttrMap, NamedTensorInfoMap, TensorInfo } from '@tensorflow/tfjs-core';
import type { OnnxRuntimeBackend } from '../backend.js';

export const BACKEND_NAME = 'onnxruntime';

/** A kernel of this backend, typed by its own inputs and attributes. */
export function defineKernel<I extends Partial<NamedTensorInfoMap>, A>(
  kernelName: string,
  compute: (backend: OnnxRuntimeBackend, inputs: Required<I>, attributes: A) => TensorInfo | TensorInfo[],
): KernelConfig {
  const kernelFunc: KernelFunc = ({ inputs, attrs, backend }) =>
    compute(backend as OnnxRuntimeBackend, inputs as Required<I>, (attrs ?? {}) as NamedAttrMap & A);
  return { kernelName, backendName: BACKEND_NAME, kernelFunc };
}

export type Input<Names extends string> = Record<Names, TensorInfo>;
