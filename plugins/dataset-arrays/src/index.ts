import { definePlugin } from '@dinomix/core';
import { withAbsoluteFolders } from '@dinomix/data';
import { openArraysDataset } from './dataset.js';
import { optionsSchema } from './options.js';

export type { ArraysInput } from './options.js';

/** The data set `arrays`: npy and h5 files that the field's own code prepared. */
export const arrays = definePlugin({
  name: '@dinomix/dataset-arrays',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['dataset:arrays'],
  options: optionsSchema,
  setup(api, options) {
    api.provide('dataset', 'arrays', (ctx) => openArraysDataset(withAbsoluteFolders(options, ctx)));
  },
});
