import { definePlugin } from '@dinomix/core';
import { optionsSchema } from './options.js';

/** The weighter `diffdw`: class weights by how hard classes are to learn. */
export const diffdw = definePlugin({
  name: '@dinomix/weighter-diffdw',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['weighter:diffdw'],
  options: optionsSchema,
  setup(api, options) {
    api.provide('weighter', 'diffdw', async () => (await import('./diffdw.js')).createDiffdw(options));
  },
});
