import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import type {
  Backend,
  BackendKernels,
  BackendSession,
  BackendSetup,
  DeviceName,
  RecordedFunction,
  TensorFunction,
  TensorOps,
} from '@dinomix/core';
import {
  backend as currentBackend,
  engine,
  memory,
  removeBackend,
  setBackend,
  type Tensor,
  version_core,
} from '@tensorflow/tfjs-core';
import type { OnnxRuntimeBackend } from './backend.js';
import { probeDevices, resolveDevice } from './devices.js';
import { exportStudent } from './export/export-student.js';
import { BACKEND_NAME } from './kernels/backend-name.js';
import { type KernelPlace, kernelCoverage } from './kernels/coverage.js';
import { measureFunction } from './memory/measure-function.js';
import { loadNetwork, openStudent } from './network/network.js';
import { conv3d, conv3dTranspose, normActivation, softmaxCrossEntropyDice } from './ops/tensor-ops.js';
import type { OnnxRuntimeOptions } from './options.js';
import { registerOnnxRuntime } from './register.js';
import { compileStep } from './replay.js';

/** The slot `backend` on ONNX Runtime. */
export function createOnnxRuntimeSlot(options: OnnxRuntimeOptions): Backend<Tensor> {
  return { setup: (request) => openSession(request, options), probe: probeDevices, kernels: listKernels };
}

function listKernels(): BackendKernels {
  const names = (wanted: KernelPlace) =>
    kernelCoverage()
      .filter(({ place }) => place === wanted)
      .map(({ kernel }) => kernel);
  return { native: names('graph'), fallback: names('cpu') };
}

async function openSession(request: BackendSetup, options: OnnxRuntimeOptions): Promise<BackendSession<Tensor>> {
  const device = resolveDevice(request.device);
  const threads = request.threads ?? availableParallelism();
  if (engine().registryFactory[BACKEND_NAME]) removeBackend(BACKEND_NAME);
  registerOnnxRuntime({ ...options, device, threads });
  await setBackend(BACKEND_NAME);
  const native = currentBackend() as OnnxRuntimeBackend;
  return {
    name: BACKEND_NAME,
    device,
    facts: factsOf(native, device, threads),
    ops: fusedOps(),
    usage() {
      const { numTensors, numBytes } = memory();
      return { tensors: numTensors, bytes: numBytes, fallbackKernels: Object.fromEntries(native.fallbacks) };
    },
    exportStudent: (request) => exportStudent(native, request),
    loadNetwork: (bytes, again) => loadNetwork(native, bytes, again),
    openStudent: (request) => openStudent(native, request),
    compileStep: (fn: TensorFunction<Tensor>): RecordedFunction<Tensor> => compileStep(native, fn),
    measureMemory: (fn, inputs) => measureFunction(native, fn, inputs),
    freeMemory: () => native.freeMemory(),
    dispose: async () => native.dispose(),
  };
}

function factsOf(native: OnnxRuntimeBackend, device: Exclude<DeviceName, 'auto'>, threads: number) {
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };
  const { block } = native.settings.target;
  return {
    package: 'onnxruntime-node',
    version,
    tfjsCore: version_core,
    device,
    threads,
    lowering: block > 0 ? `blocked by ${block}` : 'dense',
  };
}

/** Fused kernels, and the trainer's composition where an option has none: soft targets. */
function fusedOps(): Partial<TensorOps<Tensor>> {
  return { conv3d, conv3dTranspose, normActivation, softmaxCrossEntropyDice };
}
