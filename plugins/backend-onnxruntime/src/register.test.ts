import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { OnnxRuntimeBackend, registerOnnxRuntime } from './engine.js';

// Importing the engine has registered it with no options, as in a program of its own.
it('takes options until the backend is put to use, then refuses them', async () => {
  registerOnnxRuntime({ threads: 1, cachedGraphs: 3 });
  await tf.setBackend('onnxruntime');
  const backend = tf.backend() as OnnxRuntimeBackend;
  expect(backend).toBeInstanceOf(OnnxRuntimeBackend);
  expect(backend.settings.session.intraOpNumThreads).toBe(1);
  expect(backend.settings.cachedGraphs).toBe(3);
  expect(() => registerOnnxRuntime({ threads: 2 })).toThrow('DMX_ENGINE_IN_USE');
  expect(() => registerOnnxRuntime()).not.toThrow();
  expect(tf.backend()).toBe(backend);
  tf.removeBackend('onnxruntime');
  registerOnnxRuntime({ threads: 2 });
  await tf.setBackend('onnxruntime');
  expect((tf.backend() as OnnxRuntimeBackend).settings.session.intraOpNumThreads).toBe(2);
});
