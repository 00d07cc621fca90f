import { definePlugin } from '@dinomix/core';
import { openNnunetFolder, withAbsoluteFolders } from '@dinomix/data';
import { LAYOUT } from './layout.js';
import { optionsSchema } from './options.js';

export { checkDataset } from './check.js';
export type { NnunetInput } from './options.js';

/** The data set `nnunet`: any folder in the nnU-Net raw layout. */
export const nnunet = definePlugin({
  name: '@dinomix/dataset-nnunet',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['dataset:nnunet'],
  options: optionsSchema,
  setup(api, options) {
    api.provide('dataset', 'nnunet', (ctx) => openNnunetFolder(withAbsoluteFolders(options, ctx), LAYOUT));
  },
});
