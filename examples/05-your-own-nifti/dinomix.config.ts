import { onnxruntime } from '@dinomix/backend-onnxruntime';
import { defineConfig } from '@dinomix/core';
import { nnunet } from '@dinomix/dataset-nnunet';
import { consistency } from '@dinomix/loss-consistency';
import { diceCe } from '@dinomix/loss-dice-ce';
import { overlap } from '@dinomix/metric-overlap';
import { surface } from '@dinomix/metric-surface';
import { pic } from '@dinomix/mixer-pic';
import { jsonl } from '@dinomix/reporter-jsonl';
import { vnet } from '@dinomix/student-vnet';
import { ema } from '@dinomix/teacher-ema';

// A mean teacher with PIC on one labelled and one unlabelled hemisphere, resampled to 2 mm.
export default defineConfig({
  name: 'your-own-nifti',
  plugins: [
    onnxruntime(),
    nnunet({
      root: 'data',
      validation: 0, // the only labelled case trains
      grid: { spacing: [3, 3, 3] },
      normalise: 'z-score',
      flips: [], // a brain is not the same upside down
      foreground: 0.5,
      tail: ['hippocampus', 'pallidum', 'amygdala'],
    }),
    vnet({ filters: 8, levels: 4, norm: 'instance', dropout: 0 }),
    ema({ decay: 0.95 }),
    pic(),
    diceCe(),
    consistency(),
    overlap(),
    surface(),
    jsonl(),
  ],
  use: { optimizer: 'adam', loss: { 'dice-ce': 1, consistency: { weight: 0.5, ramp: 'gaussian' } } },
  options: { 'optimizer:adam': { learningRate: 0.003 } },
  train: {
    epochs: 24,
    validateEvery: 0,
    stepsPerEpoch: 10,
    patch: [64, 72, 32],
    batch: { labelled: 1, unlabelled: 1 },
  },
});
