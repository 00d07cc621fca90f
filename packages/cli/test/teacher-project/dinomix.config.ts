import { defineConfig } from '@dinomix/core';
import { dinov3 } from '../../../../plugins/teacher-dinov3/src/index.js';
import { parts } from '../data-project/dinomix.config.js';

/** The data of the other project, and a teacher with options of its own. */
export default defineConfig({
  name: 'teacher',
  use: { teacher: ['dinov3'] },
  plugins: [parts(), dinov3({ sliceStride: 2, upscale: 8, control: { channels: 12, blocks: 1, heads: 1 } })],
});
