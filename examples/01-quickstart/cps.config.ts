import { defineConfig } from '@dinomix/core';
import { cps } from '@dinomix/preset-cps';
import { DICE, experiment, NETWORK } from './experiment.js';

export default defineConfig({
  name: 'cps',
  extends: [cps(), experiment()],
  options: { 'student:a': NETWORK, 'student:b': NETWORK, 'loss:dice-ce': DICE },
  train: { epochs: 11 },
});
