import { definePlugin } from '@dinomix/core';
import { optionsSchema } from './options.js';

/** The loss `dice-ce`: cross-entropy plus soft Dice on views whose target holds ground truth. */
export const diceCe = definePlugin({
  name: '@dinomix/loss-dice-ce',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['loss:dice-ce'],
  options: optionsSchema,
  setup(api, options) {
    api.provide('loss', 'dice-ce', async () => (await import('./dice-ce.js')).createDiceCe(options));
  },
});
