import { definePlugin } from '@dinomix/core';
import { optionsSchema } from './options.js';

/** The reporter `jsonl`: every event of a run as one line of JSON. */
export const jsonl = definePlugin({
  name: '@dinomix/reporter-jsonl',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['reporter:jsonl'],
  options: optionsSchema,
  setup(api, options) {
    api.provide('reporter', 'jsonl', async () => (await import('./json-lines.js')).createJsonLinesReporter(options));
  },
});
