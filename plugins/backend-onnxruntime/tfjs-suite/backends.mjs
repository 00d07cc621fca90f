// The backends that the suite can be run against, and the packages whose import registers them.
import * as tf from '@tensorflow/tfjs-core';

const PACKAGES = { onnxruntime: '@dinomix/backend-onnxruntime/engine', cpu: '@tensorflow/tfjs-backend-cpu' };

/**
 * Imports the package that registers the tfjs backend `name`; throws if it is unknown or nothing was registered.
 * `device` is what the backend is to compute on, for one that offers a choice.
 */
export async function importBackend(name, device) {
  if (!Object.hasOwn(PACKAGES, name)) {
    throw new Error(`Backend '${name}' is unknown here: expected one of ${Object.keys(PACKAGES).join(', ')}.`);
  }
  const { registerOnnxRuntime } = await import(PACKAGES[name]);
  if (device !== undefined) {
    if (!registerOnnxRuntime) throw new Error(`Backend '${name}' offers no choice of device.`);
    registerOnnxRuntime({ device });
  }
  if (tf.findBackendFactory(name) === null) {
    throw new Error(`Importing ${PACKAGES[name]} registered no TensorFlow.js backend named '${name}'.`);
  }
}
