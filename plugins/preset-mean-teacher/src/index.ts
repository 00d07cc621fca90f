import { definePreset } from '@dinomix/core';
import { consistency } from '@dinomix/loss-consistency';
import { diceCe } from '@dinomix/loss-dice-ce';
import { vnet } from '@dinomix/student-vnet';
import { ema } from '@dinomix/teacher-ema';

/**
 * Mean teacher (Tarvainen and Valpola 2017): L = L_sup + w(e) mean((p_s - p_t)²) on the unlabelled crops, p_t the softmax of
 * the averaged network. The dropout of the student is the perturbation.
 */
export const meanTeacher = () =>
  definePreset('mean-teacher', {
    plugins: [
      vnet(),
      ema({ decay: 0.99 }), // θ_t <- a θ_t + (1 - a) θ_s, a = min(1 - 1/(i + 1), 0.99), method.md §1.3
      diceCe({ views: ['labelled'] }),
      consistency({ views: ['unlabelled'], crossEntropy: 0, dice: 0, squaredError: 1 }),
    ],
    use: {
      student: 'vnet',
      teacher: 'ema',
      mixer: false,
      weighter: false,
      loss: {
        'dice-ce': 1, // L_sup = CE + (1 - mean Dice), §4.0
        consistency: { weight: 0.1, ramp: 'gaussian', lag: 1 }, // w(e) = 0.1 exp(-5 (1 - e/E)²), one epoch late, §2.6
      },
      optimizer: 'sgd',
      schedule: 'poly',
    },
    options: {
      'optimizer:sgd': { learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 3e-5 }, // §2.6
      'schedule:poly': { power: 0.9, per: 'epoch', lag: 1 }, // lr_e = lr_0 (1 - e/E)^0.9, one epoch late, §2.6
    },
    train: { epochs: 1500, batch: { labelled: 2, unlabelled: 2 } },
  });
