import { definePlugin } from '@dinomix/core';
import { optionsSchema } from './options.js';
import { createTfjsNodeBackend } from './tfjs-node-backend.js';

export { describeTfjsNode, type TfjsNodeDescription } from './describe.js';
export type { InstalledTfjsNode, TfjsNodePackageName } from './packages.js';
export type { ProbeFailure, ProbeSuccess } from './probe.js';
export { createTfjsNodeBackend, type TfjsNodeLocation } from './tfjs-node-backend.js';

/** The backend `tfjs-node`: TensorFlow.js on libtensorflow, on the CPU or on an NVIDIA GPU. */
export const tfjsNode = definePlugin({
  name: '@dinomix/backend-tfjs-node',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['backend:tfjs-node'],
  options: optionsSchema,
  setup(api, options) {
    api.provide('backend', 'tfjs-node', () => createTfjsNodeBackend(options));
  },
});
