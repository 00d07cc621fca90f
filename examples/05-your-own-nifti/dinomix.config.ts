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

// A mean teacher with PIC: one hemisphere with labels, one without, at 3 mm. Crops are small and lie on a structure, so
// that a step is short and sees more than background.
export default defineConfig({
  name: 'your-own-nifti',
  plugins: [
    onnxruntime(),
    nnunet({
      root: 'data',
      validation: 0, // the only labelled case trains
      grid: { spacing: [3, 3, 3] },
      flips: [], // a brain is not the same upside down
      foreground: 1,
      tail: ['hippocampus', 'pallidum', 'amygdala'],
    }),
    vnet({ filters: 8, levels: 4, dropout: 0 }),
    ema(),
    pic(),
    diceCe(),
    consistency(),
    overlap(),
    surface(),
    jsonl(),
  ],
  use: { loss: { 'dice-ce': 1, consistency: { weight: 0.5, ramp: 'gaussian' } } },
  options: { 'optimizer:sgd': { learningRate: 0.3 } },
  train: {
    epochs: 20,
    stepsPerEpoch: 40,
    validateEvery: 0,
    checkpointEvery: 5,
    patch: [32, 32, 24],
    batch: { labelled: 2, unlabelled: 2 },
  },
});
