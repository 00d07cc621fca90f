import { defineConfig } from '@dinomix/core';
import { supervised } from '@dinomix/preset-supervised';
import { experiment } from './experiment.js';

export default defineConfig({
  name: 'supervised',
  extends: [supervised(), experiment()],
  options: { 'student:vnet': { filters: 8, levels: 4, dropout: 0 } },
  train: { epochs: 60 },
});
