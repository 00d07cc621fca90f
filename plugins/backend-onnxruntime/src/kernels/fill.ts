import { type DataType, type KernelConfig, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { OnnxRuntimeBackend } from '../backend.js';
import type { GraphDType } from '../graph/ir.js';
import { BACKEND_NAME } from './backend-name.js';
import { defineKernel, type Input } from './define.js';
import { scalarLeaf } from './leaf.js';

/** A tensor of one repeated value, which takes no memory as long as its consumers broadcast. */
export function filled(
  backend: OnnxRuntimeBackend,
  value: number,
  shape: readonly number[],
  dtype: GraphDType,
): TensorInfo {
  return backend.tensor(backend.compose('Broadcast', [scalarLeaf(value, dtype)], {}, shape, dtype));
}

/** A kernel without tensor inputs. */
function sourceKernel<A>(kernelName: string, make: (backend: OnnxRuntimeBackend, attributes: A) => TensorInfo) {
  return {
    kernelName,
    backendName: BACKEND_NAME,
    kernelFunc: ({ attrs, backend }) => make(backend as OnnxRuntimeBackend, attrs as A),
  } satisfies KernelConfig;
}

const fill = sourceKernel<{ shape: number[]; value: number | string; dtype?: DataType }>(
  'Fill',
  (backend, { shape, value, dtype }) => {
    const type = dtype ?? util.inferDtype(value);
    if (type !== 'string') return filled(backend, value as number, shape, type as GraphDType);
    const text = util.encodeString(value as string);
    return backend.makeTensorInfo(shape, type, new Array<Uint8Array>(util.sizeFromShape(shape)).fill(text));
  },
);

function filledLike(name: 'ZerosLike' | 'OnesLike', value: number): KernelConfig {
  return defineKernel<Input<'x'>, object>(name, (backend, { x }) =>
    filled(backend, value, x.shape, x.dtype as GraphDType),
  );
}

const range = sourceKernel<{ start: number; stop: number; step: number; dtype: 'float32' | 'int32' }>(
  'Range',
  (backend, { start, stop, step, dtype }) => {
    // A step of 1 is also what the caller gets without naming one: it then goes in the direction of `stop`.
    const stride = stop < start && step === 1 ? -1 : step;
    const length = Math.max(0, Math.ceil((stop - start) / stride));
    const values = Array.from({ length }, (_, index) => start + index * stride);
    const data = dtype === 'int32' ? Int32Array.from(values) : Float32Array.from(values);
    return backend.makeTensorInfo([length], dtype, data);
  },
);

const linSpace = sourceKernel<{ start: number; stop: number; num: number }>(
  'LinSpace',
  (backend, { start, stop, num }) => backend.makeTensorInfo([num], 'float32', spaced(start, stop, num)),
);

function spaced(start: number, stop: number, count: number): Float32Array {
  const step = (stop - start) / (count - 1);
  return Float32Array.from({ length: count }, (_, index) => (index === 0 ? start : start + index * step));
}

const oneHot = defineKernel<Input<'indices'>, { depth: number; onValue: number; offValue: number; dtype: DataType }>(
  'OneHot',
  (backend, { indices }, { depth, onValue, offValue, dtype }) => {
    const type = (dtype ?? 'int32') as GraphDType;
    const values = [backend.value(indices), scalarLeaf(onValue, type), scalarLeaf(offValue, type)];
    const plain = onValue === 1 && offValue === 0;
    const shape = [...indices.shape, depth];
    return backend.tensor(backend.compose('OneHot', plain ? values.slice(0, 1) : values, { depth }, shape, type));
  },
);

export const fillKernels: readonly KernelConfig[] = [
  fill,
  filledLike('ZerosLike', 0),
  filledLike('OnesLike', 1),
  range,
  linSpace,
  oneHot,
];
