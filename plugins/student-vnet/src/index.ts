import { definePlugin } from '@dinomix/core';
import { dualOptionsSchema, optionsSchema } from './options.js';

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

/** The student `dual-vnet`: a V-Net with two decoders, two heads each, and averages between them. */
export const dualVnet = definePlugin({
  name: '@dinomix/student-vnet/dual',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['student:dual-vnet'],
  options: dualOptionsSchema,
  setup(api, options) {
    api.provide('student', 'dual-vnet', async () => (await import('./dual-vnet.js')).createDualVnet(options));
  },
});
