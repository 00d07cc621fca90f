import { definePlugin } from '@dinomix/core';
import { optionsSchema } from './options.js';

/** The weighter `distdw`: class weights by the distribution of what a student predicts. */
export const distdw = definePlugin({
  name: '@dinomix/weighter-distdw',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['weighter:distdw'],
  options: optionsSchema,
  setup(api, options) {
    api.provide('weighter', 'distdw', async () => (await import('./distdw.js')).createDistdw(options));
  },
});
