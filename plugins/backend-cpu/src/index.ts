import { definePlugin } from '@dinomix/core';
import { createCpuBackend } from './cpu-backend.js';
import { optionsSchema } from './options.js';

export { createCpuBackend } from './cpu-backend.js';

/** The backend `cpu`: TensorFlow.js in plain JavaScript on one core, the reference of the parity tests. */
export const cpu = definePlugin({
  name: '@dinomix/backend-cpu',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['backend:cpu'],
  options: optionsSchema,
  setup(api) {
    api.provide('backend', 'cpu', () => createCpuBackend());
  },
});
