import type {
  DataType,
  KernelConfig,
  KernelFunc,
  NamedAttrMap,
  NamedTensorInfoMap,
  TensorInfo,
} from '@tensorflow/tfjs-core';
import type { OnnxRuntimeBackend } from '../backend.js';
import { BACKEND_NAME } from './backend-name.js';
import { runOnCpu } from './fallback.js';

export { BACKEND_NAME };

export type Input<Names extends string> = Record<Names, TensorInfo>;

type Compute<I, A> = (backend: OnnxRuntimeBackend, inputs: Required<I>, attributes: A) => TensorInfo | TensorInfo[];

/** Types that live on the host only: strings and complex numbers never enter the graph. */
export function isHostOnly(dtype: DataType): boolean {
  return dtype === 'string' || dtype === 'complex64';
}

/** A kernel of this backend, typed by its own inputs and attributes. Host-only inputs send the call to the CPU backend. */
export function defineKernel<I extends Partial<NamedTensorInfoMap>, A>(
  kernelName: string,
  compute: Compute<I, A>,
): KernelConfig {
  return defineHostKernel<I, A>(kernelName, (backend, inputs, attributes) => {
    const given: (TensorInfo | undefined)[] = Object.values(inputs as NamedTensorInfoMap);
    if (given.some((info) => info !== undefined && info !== null && isHostOnly(info.dtype))) {
      return runOnCpu(backend, kernelName, inputs as NamedTensorInfoMap, attributes as object);
    }
    return compute(backend, inputs, attributes);
  });
}

/** A kernel that deals with host-only inputs by itself. */
export function defineHostKernel<I extends Partial<NamedTensorInfoMap>, A>(
  kernelName: string,
  compute: Compute<I, A>,
): KernelConfig {
  const kernelFunc: KernelFunc = ({ inputs, attrs, backend }) =>
    compute(backend as OnnxRuntimeBackend, inputs as Required<I>, (attrs ?? {}) as NamedAttrMap & A);
  return { kernelName, backendName: BACKEND_NAME, kernelFunc };
}
