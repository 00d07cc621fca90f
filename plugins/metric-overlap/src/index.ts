import { definePlugin } from '@dinomix/core';
import { optionsSchema } from './options.js';

/** The metric `overlap`: Dice, Jaccard, precision and recall per class. */
export const overlap = definePlugin({
  name: '@dinomix/metric-overlap',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['metric:overlap'],
  options: optionsSchema,
  setup(api, options) {
    api.provide('metric', 'overlap', async () => (await import('./overlap.js')).createOverlapMetric(options));
  },
});
