import { defineConfig } from '@dinomix/core';
import { supervised } from '@dinomix/preset-supervised';
import { DICE, experiment, NETWORK } from './experiment.js';

export default defineConfig({
  name: 'supervised',
  extends: [supervised(), experiment()],
  options: { 'student:vnet': NETWORK, 'loss:dice-ce': DICE },
  train: { epochs: 28 },
});
