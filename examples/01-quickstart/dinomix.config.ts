import { defineConfig } from '@dinomix/core';
import { dinomix } from '@dinomix/preset-dinomix';
import { experiment } from './experiment.js';

export default defineConfig({
  name: 'dinomix',
  extends: [dinomix(), experiment()],
  options: { 'student:vnet': { filters: 8, levels: 4, dropout: 0 } },
  train: { epochs: 45 },
});
