import { defineConfig } from '@dinomix/core';
import { dinomix } from '@dinomix/preset-dinomix';
import { DICE, experiment, NETWORK } from './experiment.js';

export default defineConfig({
  name: 'dinomix',
  extends: [dinomix(), experiment()],
  options: {
    'student:vnet': NETWORK,
    'loss:dice-ce': DICE,
    'loss:consistency': DICE,
    // Three small boxes a crop, so that each step has rare organs; no pseudo-labels over ground truth, because early ones are wrong.
    'mixer:pic': {
      boxes: 3,
      directions: ['labelled-to-labelled', 'labelled-to-unlabelled', 'unlabelled-to-unlabelled'],
    },
    // The clean unlabelled crops are in no other loss; leaving them out saves a quarter of the student's work.
    'loss:fkd': { views: ['labelled'] },
  },
  use: {
    loss: { fkd: { weight: 0.1 } }, // random control weights know nothing of organs
  },
  train: { epochs: 15 },
});
