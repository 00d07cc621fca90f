import { onnxruntime } from '@dinomix/backend-onnxruntime';
import { defineConfig } from '@dinomix/core';
import { phantom } from '@dinomix/dataset-phantom';
import { consistency } from '@dinomix/loss-consistency';
import { diceCe } from '@dinomix/loss-dice-ce';
import { overlap } from '@dinomix/metric-overlap';
import { cutmix } from '@dinomix/mixer-cutmix';
import { jsonl } from '@dinomix/reporter-jsonl';
import { vnet } from '@dinomix/student-vnet';
import { ema } from '@dinomix/teacher-ema';

// A mean teacher with CutMix on synthetic abdominal CT: two labelled cases, four without labels.
export default defineConfig({
  name: 'quickstart',
  plugins: [
    onnxruntime(),
    phantom({ shape: [48, 64, 64], cases: { labelled: 2, unlabelled: 4, validation: 1, test: 2 } }),
    vnet({ filters: 4, levels: 4 }),
    ema(),
    cutmix(),
    diceCe(),
    consistency(),
    overlap(),
    jsonl(),
  ],
  use: { loss: { 'dice-ce': 1, consistency: { weight: 0.1, ramp: 'gaussian' } } },
  train: { epochs: 5, patch: [48, 64, 64], batch: { labelled: 1, unlabelled: 1 } },
});
