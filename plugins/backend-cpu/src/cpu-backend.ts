import type { Backend, BackendSession, BackendSetup, DeviceName } from '@dinomix/core';
import type * as TensorFlow from '@tensorflow/tfjs-core';
import type { KernelBackend, Tensor } from '@tensorflow/tfjs-core';

/** Name under which TensorFlow.js registers its JavaScript backend. */
const CPU = 'cpu';

/** The slot `backend` on TensorFlow.js's own CPU backend. */
export function createCpuBackend(): Backend<Tensor> {
  return { setup: openSession, probe: async () => DEVICES };
}

const ELSEWHERE = 'the cpu backend is plain JavaScript; @dinomix/backend-onnxruntime has other devices.';

const DEVICES: readonly { readonly device: DeviceName; readonly works: boolean; readonly note: string }[] = [
  { device: 'cpu', works: true, note: 'one core, JavaScript: for comparisons and small tests.' },
  { device: 'webgpu', works: false, note: ELSEWHERE },
  { device: 'cuda', works: false, note: ELSEWHERE },
];

async function openSession({ device }: BackendSetup): Promise<BackendSession<Tensor>> {
  if (device !== 'cpu' && device !== 'auto') {
    throw new Error(`Device "${device}" was asked for, but ${ELSEWHERE}`);
  }
  const tf = await import('@tensorflow/tfjs-core');
  const { version_cpu } = await import('@tensorflow/tfjs-backend-cpu');
  const { registerGradientsAndMethods } = await import('./registrations.js');
  registerGradientsAndMethods();
  silenceAdvice(tf);
  await tf.setBackend(CPU);
  return {
    name: CPU,
    device: CPU,
    facts: { package: '@tensorflow/tfjs-backend-cpu', version: version_cpu, tfjsCore: tf.version_core, threads: 1 },
    ops: {},
    usage: () => {
      const { numTensors, numBytes } = tf.memory();
      return { tensors: numTensors, bytes: numBytes, fallbackKernels: {} };
    },
    // It holds JavaScript memory alone, and other backends fall back on it: it stays registered.
    dispose: async () => undefined,
  };
}

// At its first tensor the backend prints the advice to install tfjs-node, unless tfjs runs in production mode.
function silenceAdvice(tf: typeof TensorFlow): void {
  const environment = tf.env();
  const production = environment.getBool('PROD');
  environment.set('PROD', true);
  try {
    const backend = tf.findBackend(CPU) as KernelBackend;
    backend.disposeData(backend.write(new Float32Array(1), [1], 'float32'));
  } finally {
    environment.set('PROD', production);
  }
}
