import { definePlugin } from '@dinomix/core';
import { withAbsoluteFolders } from '@dinomix/data';
import { openSynapseDataset } from './dataset.js';
import { optionsSchema } from './options.js';

export type { SynapseInput } from './options.js';

/** The data set `synapse`: the BTCV abdominal CT benchmark. */
export const synapse = definePlugin({
  name: '@dinomix/dataset-synapse',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['dataset:synapse'],
  options: optionsSchema,
  setup(api, options) {
    api.provide('dataset', 'synapse', (ctx) => openSynapseDataset(withAbsoluteFolders(options, ctx)));
  },
});
