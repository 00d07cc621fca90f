import { definePlugin } from '@dinomix/core';
import { optionsSchema } from './options.js';

export type { OnnxRuntimeOptions } from './options.js';

/** The backend `onnxruntime`: TensorFlow.js programs at native speed on ONNX Runtime, from npm alone. The default engine. */
export const onnxruntime = definePlugin({
  name: '@dinomix/backend-onnxruntime',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['backend:onnxruntime'],
  options: optionsSchema,
  setup(api, options) {
    api.provide('backend', 'onnxruntime', async () => {
      const { createOnnxRuntimeSlot } = await import('./slot.js');
      return createOnnxRuntimeSlot(options);
    });
  },
});
