import { definePlugin } from '@dinomix/core';
import { optionsSchema } from './options.js';

/** The student `vnet`: the V-Net of the Synapse and AMOS benchmarks. */
export const vnet = definePlugin({
  name: '@dinomix/student-vnet',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['student:vnet'],
  options: optionsSchema,
  setup(api, options) {
    api.provide('student', 'vnet', async () => (await import('./vnet.js')).createVnet(options));
  },
});
