import { definePreset } from '@dinomix/core';
import { consistency } from '@dinomix/loss-consistency';
import { diceCe } from '@dinomix/loss-dice-ce';
import { vnet } from '@dinomix/student-vnet';
import { peer } from '@dinomix/teacher-peer';
import { diffdw } from '@dinomix/weighter-diffdw';
import { distdw } from '@dinomix/weighter-distdw';

/**
 * DHC (Wang and Li 2023, "Dual-debiased Heterogeneous Co-training"; method.md §4.12): cross pseudo supervision in which network
 * A has class weights by difficulty and B by distribution, both of the same step,
 * L = L_A + L_B + w(e) [CE_wA(A, b) + CE_wB(B, a)], L_sup = CE_w + (1 - mean of w_c Dice_c).
 */
export const dhc = () =>
  definePreset('dhc', {
    plugins: [
      vnet().as('a'),
      vnet().as('b'), // same network, other initial weights
      peer({ mode: 'shared', looksAt: ['labelled', 'unlabelled'] }), // a = argmax A, b = argmax B, of the pass that is trained
      diffdw({ students: ['a'], momentum: 49 / 50 }), // w_A
      distdw({ students: ['b'], momentum: 0.99 }), // w_B
      diceCe({ views: ['labelled'], classWeights: 'both' }),
      consistency({ views: ['labelled', 'unlabelled'], crossEntropy: 1, dice: 0, classWeights: 'cross-entropy' }),
    ],
    use: {
      student: ['a', 'b'],
      teacher: 'peer',
      mixer: false,
      selector: false,
      weighter: ['diffdw', 'distdw'],
      loss: {
        'dice-ce': 1, // L_A, L_B
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
