import { defineConfig } from '@dinomix/core';
import { cps } from '@dinomix/preset-cps';
import { experiment } from './experiment.js';

export default defineConfig({
  name: 'cps',
  extends: [cps(), experiment()],
  options: { 'student:a': { filters: 8, levels: 4, dropout: 0 }, 'student:b': { filters: 8, levels: 4, dropout: 0 } },
  train: { epochs: 35 },
});
