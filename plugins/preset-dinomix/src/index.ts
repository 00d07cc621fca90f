import { definePreset } from '@dinomix/core';
import { consistency } from '@dinomix/loss-consistency';
import { diceCe } from '@dinomix/loss-dice-ce';
import { fkd } from '@dinomix/loss-fkd';
import { pic } from '@dinomix/mixer-pic';
import { vnet } from '@dinomix/student-vnet';
import { dinov3 } from '@dinomix/teacher-dinov3';
import { ema } from '@dinomix/teacher-ema';

/** The view of unlabelled crops that FKD takes. */
const DISTILLED = { clean: 'unlabelled', mixed: 'mixed-unlabelled' } as const;

/**
 * DINO-Mix (arXiv 2602.07819): mean teacher with Progressive Imbalance-aware CutMix and Foundational Knowledge Distillation,
 * L = L_sup(x_l) + L_sup(x_l') + w_u(e) L_u(x_u') + λ_F(e) L_FKD (method.md §1.3). A re-implementation: the paper's formulas
 * were not available, and the design choices are this project's.
 * @param options - `distil`: whether FKD sees the unlabelled crops `clean`, which costs a pass of the student that no other
 * term needs, or `mixed`, as the student sees them anyway, with tokens mixed by the same mask (§1.4.4).
 */
export const dinomix = ({ distil = 'clean' }: { readonly distil?: 'clean' | 'mixed' } = {}) =>
  definePreset('dinomix', {
    plugins: [
      vnet({ filters: 32, norm: 'batch', dropout: 0.5 }), // §2.5
      ema({ decay: 0.99 }), // θ_t <- a θ_t + (1 - a) θ_s, a = min(1 - 1/(i + 1), 0.99), §1.3
      dinov3({ upscale: 2, sliceStride: 8 }), // tokens of axial slices 8k + 3, on the grid of x4, §1.4.1
      pic({ curriculum: 'linear', tail: 'log', pseudoWeight: 0.5 }), // P_e(c) = (1 - r) P_tail(c) + r/C, §1.5
      diceCe({ views: ['labelled', 'mixed-labelled'] }),
      consistency({ views: ['mixed-unlabelled'], crossEntropy: 1, dice: 1, threshold: null }),
      fkd({ feature: 'x4', head: 'linear', distance: 'normalised-mse', views: ['labelled', DISTILLED[distil]] }), // §1.4
    ],
    use: {
      student: 'vnet',
      teacher: ['ema', 'dinov3'],
      mixer: 'pic',
      weighter: false,
      loss: {
        'dice-ce': 1, // L_sup(x_l) + L_sup(x_l'), L_sup = CE + (1 - mean Dice)
        consistency: { weight: 1, ramp: 'gaussian' }, // w_u(e) = exp(-5 (1 - e/E)²), §2.6
        fkd: { weight: 1, ramp: 'linear', length: 0.05 }, // λ_F = 1 after a warm-up of 5 % of the run, §1.4.5
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
