import { definePreset } from '@dinomix/core';
import { diceCe } from '@dinomix/loss-dice-ce';
import { vnet } from '@dinomix/student-vnet';

/** The supervised baseline of the P1 benchmark (method.md §4.1): L = CE + Dice on the labelled crops. */
export const supervised = () =>
  definePreset('supervised', {
    plugins: [vnet(), diceCe({ views: ['labelled'] })],
    use: {
      student: 'vnet',
      teacher: false,
      mixer: false,
      weighter: false,
      loss: { 'dice-ce': 1 }, // L = CE + (1 - mean Dice), §4.0
      optimizer: 'sgd',
      schedule: 'poly',
    },
    options: {
      'optimizer:sgd': { learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 3e-5 }, // §2.6
      'schedule:poly': { power: 0.9, per: 'epoch', lag: 1 }, // lr_e = lr_0 (1 - e/E)^0.9, one epoch late, §2.6
    },
    train: { epochs: 1500, batch: { labelled: 4, unlabelled: 0 } },
  });
