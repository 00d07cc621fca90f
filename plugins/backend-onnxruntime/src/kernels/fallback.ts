import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import {
  type BackendValues,
  getKernel,
  getKernelsForBackend,
  type KernelConfig,
  type NamedTensorInfoMap,
  type TensorInfo,
} from '@tensorflow/tfjs-core';
import type { OnnxRuntimeBackend } from '../backend.js';
import { BACKEND_NAME } from './define.js';

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
  const created: TensorInfo[] = [];
  const toCpu = (info: TensorInfo): TensorInfo => {
    const copy = writeToCpu(cpu, backend, info);
    created.push(copy);
    return copy;
  };
  const moved: NamedTensorInfoMap = {};
  for (const [name, info] of Object.entries(inputs)) if (info) moved[name] = toCpu(info);
  const list = Array.isArray(inputs) ? (Object.values(moved) as unknown as NamedTensorInfoMap) : moved;
  const result = kernel.kernelFunc({ inputs: list, attrs: attrs as never, backend: cpu });
  const outputs = Array.isArray(result) ? result : [result];
  const written = outputs.map((output) => readFromCpu(cpu, backend, output));
  for (const output of outputs) cpu.disposeIntermediateTensorInfo(output);
  for (const copy of created) cpu.disposeIntermediateTensorInfo(copy);
  return Array.isArray(result) ? written : written[0]!;
}

function writeToCpu(cpu: MathBackendCPU, backend: OnnxRuntimeBackend, info: TensorInfo): TensorInfo {
  const entry = backend.data.get(info.dataId);
  if (!entry.complex) return cpu.makeTensorInfo(info.shape, info.dtype, backend.readSync(info.dataId) as never);
  const real = writeToCpu(cpu, backend, entry.complex.real);
  const imag = writeToCpu(cpu, backend, entry.complex.imag);
  const result = cpu.makeTensorInfo(info.shape, 'complex64');
  cpu.data.get(result.dataId).complexTensorInfos = { real, imag };
  return result;
}

function readFromCpu(cpu: MathBackendCPU, backend: OnnxRuntimeBackend, info: TensorInfo): TensorInfo {
  const data = cpu.data.get(info.dataId);
  if (!data.complexTensorInfos) {
    return backend.makeTensorInfo(info.shape, info.dtype, data.values as BackendValues);
  }
  const real = readFromCpu(cpu, backend, data.complexTensorInfos.real);
  const imag = readFromCpu(cpu, backend, data.complexTensorInfos.imag);
  const result = backend.makeComplex({ ...real, shape: info.shape }, { ...imag, shape: info.shape });
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
