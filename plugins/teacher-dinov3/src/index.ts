import { definePlugin } from '@dinomix/core';
import { optionsSchema } from './options.js';

/** The teacher `dinov3`: a frozen DINOv3, or a random network of its architecture as control. */
export const dinov3 = definePlugin({
  name: '@dinomix/teacher-dinov3',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['teacher:dinov3'],
  options: optionsSchema,
  setup(api, options) {
    api.provide('teacher', 'dinov3', async ({ config }) => {
      const { createDinov3 } = await import('./dinov3.js');
      return createDinov3(options, config.train.patch);
    });
  },
});
