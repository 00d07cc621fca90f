import { definePlugin } from '@dinomix/core';
import { createPhantomDataset } from './dataset.js';
import { optionsSchema } from './options.js';

export type { Organ } from './anatomy/part.js';
export { type Benchmark, FIELD_OF_VIEW, ORGANS } from './classes.js';
export { type FieldOfView, GENERATOR_VERSION, generatePhantom, type Phantom, type PhantomRequest } from './phantom.js';
export {
  type PhantomLayout,
  type WritePhantomRequest,
  type WrittenPhantoms,
  writePhantomDataset,
} from './write-dataset.js';

/** The data set `phantom`: synthetic abdominal CT with the organs of Synapse or AMOS. */
export const phantom = definePlugin({
  name: '@dinomix/dataset-phantom',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['dataset:phantom'],
  options: optionsSchema,
  setup(api, options) {
    api.provide('dataset', 'phantom', ({ resolvePath }) =>
      createPhantomDataset({ ...options, cache: options.cache === null ? null : resolvePath(options.cache) }),
    );
  },
});
