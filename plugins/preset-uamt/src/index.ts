import { definePreset } from '@dinomix/core';
import { consistency } from '@dinomix/loss-consistency';
import { diceCe } from '@dinomix/loss-dice-ce';
import { uncertainty } from '@dinomix/selector-uncertainty';
import { vnet } from '@dinomix/student-vnet';
import { ema } from '@dinomix/teacher-ema';

/**
 * Uncertainty-aware mean teacher (Yu et al. 2019, arXiv 1907.07034) as in DHC's code (method.md §4.2):
 * L = (CE + Dice) / 2 + w(e) Σ_v [U_v < T(e)] Σ_c (p - q)² / (2 Σ_v [U_v < T(e)]), with the teacher's probabilities q of a noisy
 * image and the entropy U of the mean of eight noisy passes, T(e) = (0.75 + 0.25 exp(-5 (1 - e/E)²)) ln 2.
 */
export const uamt = () =>
  definePreset('uamt', {
    plugins: [
      vnet(),
      ema({
        decay: 0.99, // θ_t <- a θ_t + (1 - a) θ_s, a = min(1 - 1/(e + 1), 0.99) in epochs
        warmUp: 'epoch',
        mode: 'training', // dropout and batch statistics, as published
        noise: { deviation: 0.1, limit: 0.2 }, // x + clamp(0.1 N(0, 1), -0.2, 0.2)
        uncertaintyPasses: 8,
        evaluate: false, // the student is tested
      }),
      uncertainty({ from: 0.75, to: 1 }),
      diceCe({ views: ['labelled'], crossEntropy: 0.5, dice: 0.5, smooth: 1e-8 }), // L_sup
      consistency({
        views: ['unlabelled'],
        crossEntropy: 0,
        dice: 0,
        squaredError: 1,
        normalise: 'kept', // Σ m Σ_c (p - q)² / (2 Σ m + 1e-16)
      }),
    ],
    use: {
      student: 'vnet',
      teacher: 'ema',
      mixer: false,
      selector: 'uncertainty',
      weighter: false,
      loss: {
        'dice-ce': 1,
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
