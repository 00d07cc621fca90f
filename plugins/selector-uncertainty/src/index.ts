import { definePlugin } from '@dinomix/core';
import { optionsSchema } from './options.js';

/** The selector `uncertainty`: voxels whose teacher is sure of itself. */
export const uncertainty = definePlugin({
  name: '@dinomix/selector-uncertainty',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['selector:uncertainty'],
  options: optionsSchema,
  setup(api, options) {
    api.provide('selector', 'uncertainty', async () => (await import('./uncertainty.js')).createUncertainty(options));
  },
});
