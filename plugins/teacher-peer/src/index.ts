import { definePlugin } from '@dinomix/core';
import { optionsSchema } from './options.js';

/** The teacher `peer`: students that teach each other. */
export const peer = definePlugin({
  name: '@dinomix/teacher-peer',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['teacher:peer'],
  options: optionsSchema,
  setup(api, options) {
    api.provide('teacher', 'peer', async () => (await import('./peer.js')).createPeer(options));
  },
});
