import { definePlugin } from '@dinomix/core';
import { createCutmix } from './cutmix.js';
import { optionsSchema } from './options.js';

/** The mixer `cutmix`: uniformly placed boxes between the crops of a batch. */
export const cutmix = definePlugin({
  name: '@dinomix/mixer-cutmix',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['mixer:cutmix'],
  options: optionsSchema,
  setup(api, options) {
    api.provide('mixer', 'cutmix', () => createCutmix(options));
  },
});
