import { definePreset } from '@dinomix/core';
import { consistency } from '@dinomix/loss-consistency';
import { diceCe } from '@dinomix/loss-dice-ce';
import { vnet } from '@dinomix/student-vnet';
import { peer } from '@dinomix/teacher-peer';

/**
 * Cross pseudo supervision (Chen et al. 2021) as in DHC's code (method.md §4.0 and §4.4): two networks A and B with hard labels
 * a and b, L = L_sup(A) + L_sup(B) + w(e) [CE(A, b) + CE(B, a)] on labelled and unlabelled crops.
 */
export const cps = () =>
  definePreset('cps', {
    plugins: [
      vnet().as('a'),
      vnet().as('b'), // same network, other initial weights
      peer({ mode: 'shared', looksAt: ['labelled', 'unlabelled'] }), // a = argmax A, b = argmax B, of the pass that is trained
      diceCe({ views: ['labelled'] }),
      consistency({ views: ['labelled', 'unlabelled'], crossEntropy: 1, dice: 0 }), // CE(A, b) on the full batch
    ],
    use: {
      student: ['a', 'b'],
      teacher: 'peer',
      mixer: false,
      weighter: false,
      loss: {
        'dice-ce': 1, // L_sup = CE + (1 - mean Dice), for each network
        consistency: { weight: 0.1, ramp: 'gaussian', lag: 1 }, // w(e) = 0.1 exp(-5 (1 - e/E)²), one epoch late, §2.6
      },
      optimizer: 'sgd',
      schedule: 'poly',
    },
    options: {
      'optimizer:sgd': { learningRate: 0.03, momentum: 0.9, nesterov: true, weightDecay: 3e-5 }, // §2.6
      'schedule:poly': { power: 0.9, per: 'epoch', lag: 1 }, // lr_e = lr_0 (1 - e/E)^0.9, one epoch late, §2.6
    },
    train: { epochs: 300, batch: { labelled: 2, unlabelled: 2 } },
  });
