import { defineConfig } from '@dinomix/core';
import { meanTeacher } from '@dinomix/preset-mean-teacher';
import { experiment } from './experiment.js';

export default defineConfig({
  name: 'mean-teacher',
  extends: [meanTeacher(), experiment()],
  options: { 'student:vnet': { filters: 8, levels: 4, dropout: 0.1 } },
  train: { epochs: 50 },
});
