import { isMainThread } from 'node:worker_threads';
import type { Backend, BackendSession, BackendSetup, BackendUsage } from '@dinomix/core';
import type * as TensorFlow from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { describeTfjsNode } from './describe.js';
import { TENSORFLOW_BACKEND } from './kernels.js';
import { type LoadedTfjsNode, loadTfjsNode } from './load.js';

/** Where the packages are looked for. */
export interface TfjsNodeLocation {
  /** Folder whose `node_modules` holds them; default: the environment variable DINOMIX_TFJS_NODE, then the plugin's own dependencies. */
  readonly folder?: string | undefined;
}

/** The slot `backend` on libtensorflow. */
export function createTfjsNodeBackend(location: TfjsNodeLocation = {}): Backend<Tensor> {
  const folder = location.folder ?? (process.env.DINOMIX_TFJS_NODE || undefined);
  return {
    setup: (request) => openSession(request, folder),
    probe: async () => {
      const described = await describeTfjsNode(folder);
      return [
        ...described.map(({ device, works, note }) => ({ device, works, note })),
        { device: 'webgpu', works: false, note: 'tfjs-node has no WebGPU; @dinomix/backend-onnxruntime has.' },
      ];
    },
  };
}

async function openSession(
  { device, threads }: BackendSetup,
  folder: string | undefined,
): Promise<BackendSession<Tensor>> {
  if (device === 'webgpu') {
    throw new Error(
      'Device "webgpu" was asked for, but tfjs-node computes on "cpu" or "cuda"; use @dinomix/backend-onnxruntime.',
    );
  }
  const environment = prepareEnvironment(threads);
  const tf = await import('@tensorflow/tfjs-core');
  const loaded = await loadTfjsNode(tf, { device, folder });
  if (tf.findBackendFactory(TENSORFLOW_BACKEND) === null) tf.registerBackend(TENSORFLOW_BACKEND, () => loaded.backend);
  if (!(await tf.setBackend(TENSORFLOW_BACKEND)))
    throw new Error(`${loaded.name} registered no backend "${TENSORFLOW_BACKEND}".`);
  return {
    name: TENSORFLOW_BACKEND,
    device: loaded.gpu ? 'cuda' : 'cpu',
    facts: {
      package: loaded.name,
      version: loaded.version,
      libtensorflow: loaded.tensorflow,
      tfjsCore: tf.version_core,
      threads: environment.threads,
    },
    ops: {},
    usage: () => usageOf(tf, loaded),
    dispose: async () => {
      if (tf.findBackendFactory(TENSORFLOW_BACKEND) !== null) tf.removeBackend(TENSORFLOW_BACKEND);
    },
  };
}

/**
 * libtensorflow reads these variables once, when it is loaded. Node passes a change on to native code in the main thread
 * only, so a worker has what its process was started with.
 */
function prepareEnvironment(threads: number | null): { readonly threads: string } {
  if (threads !== null && isMainThread) {
    process.env.TF_NUM_INTRAOP_THREADS = String(threads);
    process.env.TF_NUM_INTEROP_THREADS = '1';
  }
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '1';
  return { threads: process.env.TF_NUM_INTRAOP_THREADS ?? 'all cores' };
}

function usageOf(tf: typeof TensorFlow, loaded: LoadedTfjsNode): BackendUsage {
  const { numTensors, numBytes } = tf.memory();
  return { tensors: numTensors, bytes: numBytes, fallbackKernels: { ...loaded.fallbackCalls } };
}
