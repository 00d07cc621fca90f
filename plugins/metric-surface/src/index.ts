import { definePlugin } from '@dinomix/core';
import { optionsSchema } from './options.js';

/** The metric `surface`: ASD, ASSD, HD95 and NSD per class. */
export const surface = definePlugin({
  name: '@dinomix/metric-surface',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['metric:surface'],
  options: optionsSchema,
  setup(api, options) {
    api.provide('metric', 'surface', async () => (await import('./surface.js')).createSurfaceMetric(options));
  },
});
