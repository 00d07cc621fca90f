import { definePlugin } from '@dinomix/core';
import { optionsSchema } from './options.js';

/** The loss `consistency`: pseudo-label supervision. */
export const consistency = definePlugin({
  name: '@dinomix/loss-consistency',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['loss:consistency'],
  options: optionsSchema,
  setup(api, options) {
    api.provide('loss', 'consistency', async () => (await import('./consistency.js')).createConsistency(options));
  },
});
