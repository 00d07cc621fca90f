import { onnxruntime } from '@dinomix/backend-onnxruntime';
import { defineConfig } from '@dinomix/core';
import { nnunet } from '@dinomix/dataset-nnunet';
import { consistency } from '@dinomix/loss-consistency';
import { diceCe } from '@dinomix/loss-dice-ce';
import { overlap } from '@dinomix/metric-overlap';
import { pic } from '@dinomix/mixer-pic';
import { jsonl } from '@dinomix/reporter-jsonl';
import { vnet } from '@dinomix/student-vnet';
import { ema } from '@dinomix/teacher-ema';
import { plugins, train } from './extras.mjs';

// The config of the projects that small-project.ts makes; a test puts another extras.mjs beside it.
export default defineConfig({
  name: 'small',
  plugins: [
    onnxruntime(),
    nnunet({ root: 'data', split: 'split.json', grid: 'keep' }),
    vnet({ filters: 2, levels: 2 }),
    ema(),
    pic(),
    diceCe(),
    consistency(),
    overlap(),
    jsonl(),
    ...plugins,
  ],
  use: { loss: { 'dice-ce': 1, consistency: 0.1 } },
  threads: 1,
  train: { epochs: 1, stepsPerEpoch: 2, patch: [8, 16, 16], batch: { labelled: 1, unlabelled: 1 }, ...train },
});
