import { defineConfig } from '@dinomix/core';
import { meanTeacher } from '@dinomix/preset-mean-teacher';
import { DICE, experiment, NETWORK } from './experiment.js';

export default defineConfig({
  name: 'mean-teacher',
  extends: [meanTeacher(), experiment()],
  // The dropout is what student and teacher differ in.
  options: { 'student:vnet': { ...NETWORK, dropout: 0.1 }, 'loss:dice-ce': DICE },
  train: { epochs: 23 },
});
