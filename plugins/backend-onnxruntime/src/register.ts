import '@tensorflow/tfjs-backend-cpu';
import { availableParallelism } from 'node:os';
import { engine, findBackendFactory, registerBackend, registerKernel, removeBackend } from '@tensorflow/tfjs-core';
import { OnnxRuntimeBackend } from './backend.js';
import { type DeviceName, resolveDevice } from './devices.js';
import { registerGradients } from './gradients.js';
import { BACKEND_NAME } from './kernels/backend-name.js';
import { fallbackKernels } from './kernels/fallback.js';
import { nativeKernels } from './kernels/table.js';
import { createOnnxRuntimeError } from './session/errors.js';
import { probeBlock } from './session/probe.js';

export interface EngineOptions {
  /** Default 'cpu'. 'auto' is CUDA where it works and the CPU elsewhere. */
  readonly device?: DeviceName;
  /** Threads for one operation. Default: all cores. */
  readonly threads?: number;
  /** Most compiled graphs kept at a time. Default 6. */
  readonly cachedGraphs?: number;
  /** Operations recorded without a read before the engine runs them by itself. Default 20000. */
  readonly pendingLimit?: number;
  /** `dense` refuses ONNX Runtime's internal blocked operators even where they work. Default 'auto'. */
  readonly lowering?: 'auto' | 'dense';
  /** Graphs that take 1 GiB or more compute what is cheap again in the backward pass instead of keeping it; the same bits. Default true. */
  readonly recompute?: boolean;
  /** Refuses a graph of which the device cannot run every operation; by default those run on the CPU. */
  readonly deviceOnly?: boolean;
  /** Writes ONNX Runtime profiles with this file prefix. */
  readonly profile?: string;
}

/** Smaller graphs gain too little memory for the time, bytes. */
const RECOMPUTED_FROM = 2 ** 30;

/** Volumes of more bytes are worked on some samples at a time: what is made from a part is small beside a step's memory. */
const PART_BYTES = 2 ** 27;

/**
 * Creates a backend; `register` and the plugin hand it to TensorFlow.js.
 * @throws `DMX_ENGINE_DEVICE` where the device does not work.
 */
export function createBackend(options: EngineOptions = {}): OnnxRuntimeBackend {
  const device = resolveDevice(options.device ?? 'cpu');
  const threads = options.threads ?? availableParallelism();
  const onlyDevice = device !== 'cpu' && options.deviceOnly === true;
  const alone = device === 'cpu' || onlyDevice;
  const block = device === 'cpu' && options.lowering !== 'dense' ? probeBlock() : 0;
  return new OnnxRuntimeBackend({
    target: { provider: device, block, threads, partBytes: PART_BYTES },
    session: {
      executionProviders: alone ? [device] : [device, 'cpu'],
      intraOpNumThreads: threads,
      ...(options.profile ? { enableProfiling: true, profileFilePrefix: options.profile } : {}),
      extra: { session: { set_denormal_as_zero: '1', ...(onlyDevice ? { disable_cpu_ep_fallback: '1' } : {}) } },
    },
    recomputeFrom: options.recompute === false ? Number.POSITIVE_INFINITY : RECOMPUTED_FROM,
    cachedGraphs: options.cachedGraphs ?? 6,
    pendingLimit: options.pendingLimit ?? 20_000,
  });
}

let kernelsRegistered = false;

function registerKernels(): void {
  if (kernelsRegistered) return;
  kernelsRegistered = true;
  const native = new Set(nativeKernels.map(({ kernelName }) => kernelName));
  for (const kernel of [...nativeKernels, ...fallbackKernels(native)]) registerKernel(kernel);
  registerGradients();
}

/**
 * Registers the backend as 'onnxruntime'. `tf.setBackend('onnxruntime')` then makes it current.
 * Importing the engine calls this with no options; a later call with options counts as long as no tensor was made.
 * @throws `DMX_ENGINE_IN_USE` where options come after the backend was put to use.
 */
export function registerOnnxRuntime(options: EngineOptions = {}, priority = 3): void {
  registerKernels();
  if (BACKEND_NAME in engine().registry) {
    if (Object.keys(options).length === 0) return;
    throw createOnnxRuntimeError(
      'DMX_ENGINE_IN_USE',
      `the backend '${BACKEND_NAME}' is already in use, so options can no longer change it`,
      `Call registerOnnxRuntime before the first tensor, or tf.removeBackend('${BACKEND_NAME}') before it.`,
    );
  }
  if (findBackendFactory(BACKEND_NAME)) removeBackend(BACKEND_NAME);
  registerBackend(BACKEND_NAME, () => createBackend(options), priority);
}
