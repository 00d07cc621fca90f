import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import {
  type BackendValues,
  getKernel,
  getKernelsForBackend,
  type KernelConfig,
  type NamedTensorInfoMap,
  Tensor,
  type TensorInfo,
} from '@tensorflow/tfjs-core';
import type { OnnxRuntimeBackend } from '../backend.js';
import { BACKEND_NAME } from './backend-name.js';

let shared: MathBackendCPU | undefined;

function cpuBackend(): MathBackendCPU {
  shared ??= new MathBackendCPU();
  return shared;
}

/** Runs one kernel on TensorFlow.js's CPU backend: reads the inputs, computes, writes the outputs back. */
export function runOnCpu(
  backend: OnnxRuntimeBackend,
  kernelName: string,
  inputs: Partial<NamedTensorInfoMap>,
  attrs: object,
): TensorInfo | TensorInfo[] {
  backend.fallbacks.set(kernelName, (backend.fallbacks.get(kernelName) ?? 0) + 1);
  const cpu = cpuBackend();
  const kernel = getKernel(kernelName, 'cpu');
  if (!kernel) throw new Error(`the kernel ${kernelName} exists neither here nor on the CPU backend`);
  const copies: TensorInfo[] = [];
  try {
    const moved = moveInputs(inputs, (info) => {
      const copy = writeToCpu(cpu, backend, info);
      copies.push(copy);
      return copy;
    });
    const result = kernel.kernelFunc({ inputs: moved as NamedTensorInfoMap, attrs: attrs as never, backend: cpu });
    const outputs = Array.isArray(result) ? result : [result];
    const written = outputs.map((output) => readFromCpu(cpu, backend, output));
    for (const output of outputs) cpu.disposeIntermediateTensorInfo(output);
    return Array.isArray(result) ? written : written[0]!;
  } finally {
    for (const copy of copies) cpu.disposeIntermediateTensorInfo(copy);
  }
}

/** Inputs are a record of tensors, of lists of tensors, or a list of tensors. */
function moveInputs(inputs: unknown, move: (info: TensorInfo) => TensorInfo): unknown {
  if (inputs === undefined || inputs === null) return inputs;
  if (Array.isArray(inputs)) return inputs.map((item) => moveInputs(item, move));
  if (inputs instanceof Tensor || 'dataId' in (inputs as object)) return move(inputs as TensorInfo);
  return Object.fromEntries(Object.entries(inputs).map(([name, item]) => [name, moveInputs(item, move)]));
}

/** A tensor of the CPU backend with the fields of `tf.Tensor` that some of its kernels read. */
function writeToCpu(cpu: MathBackendCPU, backend: OnnxRuntimeBackend, info: TensorInfo): TensorInfo {
  const rank = { rank: info.shape.length };
  const entry = backend.data.get(info.dataId);
  if (!entry.complex) {
    const values = backend.readSync(info.dataId);
    return { ...cpu.makeTensorInfo(info.shape, info.dtype, values as never), ...rank };
  }
  const real = writeToCpu(cpu, backend, entry.complex.real);
  const imag = writeToCpu(cpu, backend, entry.complex.imag);
  const result = cpu.makeTensorInfo(info.shape, 'complex64');
  cpu.data.get(result.dataId).complexTensorInfos = { real, imag };
  return { ...result, ...rank };
}

function readFromCpu(cpu: MathBackendCPU, backend: OnnxRuntimeBackend, info: TensorInfo): TensorInfo {
  const data = cpu.data.get(info.dataId);
  if (!data.complexTensorInfos) {
    return backend.makeTensorInfo(info.shape, info.dtype, data.values as BackendValues);
  }
  const real = readFromCpu(cpu, backend, { ...data.complexTensorInfos.real, shape: info.shape });
  const imag = readFromCpu(cpu, backend, { ...data.complexTensorInfos.imag, shape: info.shape });
  const result = backend.makeComplex(real, imag);
  backend.disposeData(real.dataId);
  backend.disposeData(imag.dataId);
  return result;
}

/** Kernels that this backend has only through the CPU backend. */
export function fallbackKernels(native: ReadonlySet<string>): KernelConfig[] {
  return getKernelsForBackend('cpu')
    .filter(({ kernelName }) => !native.has(kernelName))
    .map(({ kernelName }) => ({
      kernelName,
      backendName: BACKEND_NAME,
      kernelFunc: ({ inputs, attrs, backend }) =>
        runOnCpu(backend as OnnxRuntimeBackend, kernelName, inputs, attrs ?? {}),
    }));
}
