import { composedOps } from './composed-ops.mjs';

const FUSED = ['conv2d', 'conv3d', 'conv3dTranspose', 'normActivation', 'softmaxCrossEntropyDice'];

/**
 * Loads TensorFlow.js with one backend, the gradients registered.
 * @returns tf, the operations (fused where the backend has them) and the backend package's exports
 */
export async function loadEngine({ backend = 'onnxruntime', device, threads, ops = 'fused' } = {}) {
  const tf = await import('@tensorflow/tfjs-core');
  let engine;
  try {
    engine = await import('@dinomix/backend-onnxruntime/engine');
  } catch (cause) {
    throw new Error(
      `cannot import @dinomix/backend-onnxruntime/engine (${cause.message}); build the workspace first: npm run build`,
      { cause },
    );
  }
  if (backend === 'onnxruntime' && (threads || device)) {
    tf.removeBackend('onnxruntime');
    engine.registerOnnxRuntime({ ...(threads ? { threads } : {}), ...(device ? { device } : {}) });
  }
  if (backend === 'tfjs-node-gpu') {
    const { createTfjsNodeBackend } = await import('@dinomix/backend-tfjs-node');
    await createTfjsNodeBackend().setup({ device: 'cuda', threads: null });
  } else if (!(await tf.setBackend(backend))) throw new Error(`TensorFlow.js could not start the backend '${backend}'`);
  const composed = composedOps(tf);
  const fused = Object.fromEntries(FUSED.filter((name) => engine[name]).map((name) => [name, engine[name]]));
  return { tf, engine, ops: ops === 'fused' && backend === 'onnxruntime' ? { ...composed, ...fused } : composed };
}

/** Replays a recorded step where the backend can; else runs the function each time. */
export function compile({ tf, engine }, step) {
  if (tf.getBackend() !== 'onnxruntime' || !engine.compileStep) return step;
  return engine.compileStep(tf.backend(), step);
}
