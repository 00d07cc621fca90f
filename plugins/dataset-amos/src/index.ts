import { definePlugin } from '@dinomix/core';
import { withAbsoluteFolders } from '@dinomix/data';
import { openAmosDataset } from './dataset.js';
import { optionsSchema } from './options.js';

export type { AmosInput } from './options.js';

/** The data set `amos`: the AMOS22 abdominal CT and MRI benchmark. */
export const amos = definePlugin({
  name: '@dinomix/dataset-amos',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['dataset:amos'],
  options: optionsSchema,
  setup(api, options) {
    api.provide('dataset', 'amos', (ctx) => openAmosDataset(withAbsoluteFolders(options, ctx)));
  },
});
