import { definePlugin } from '@dinomix/core';
import { optionsSchema } from './options.js';

/** The teacher `ema`: moving averages of the students. */
export const ema = definePlugin({
  name: '@dinomix/teacher-ema',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['teacher:ema'],
  options: optionsSchema,
  setup(api, options) {
    api.provide('teacher', 'ema', async () => (await import('./ema.js')).createEma(options));
  },
});
