import { definePlugin } from '@dinomix/core';
import { optionsSchema } from './options.js';

/** The loss `fkd`: Foundational Knowledge Distillation. */
export const fkd = definePlugin({
  name: '@dinomix/loss-fkd',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['loss:fkd'],
  options: optionsSchema,
  setup(api, options) {
    api.provide('loss', 'fkd', async () => (await import('./fkd.js')).createFkd(options));
  },
});
