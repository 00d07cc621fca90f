import { definePlugin } from '@dinomix/core';
import { optionsSchema } from './options.js';
import { createPic } from './pic.js';

/** The mixer `pic`: Progressive Imbalance-aware CutMix. */
export const pic = definePlugin({
  name: '@dinomix/mixer-pic',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['mixer:pic'],
  options: optionsSchema,
  setup(api, options) {
    api.provide('mixer', 'pic', () => createPic(options));
  },
});
