import { onnxruntime } from '@dinomix/backend-onnxruntime';
import { definePreset } from '@dinomix/core';
import { nnunet } from '@dinomix/dataset-nnunet';
import { overlap } from '@dinomix/metric-overlap';
import { surface } from '@dinomix/metric-surface';
import { html } from '@dinomix/reporter-html';
import { jsonl } from '@dinomix/reporter-jsonl';

/** What all four methods share: data, engine, metrics, crops and windows. */
export const experiment = () =>
  definePreset('quickstart', {
    plugins: [
      onnxruntime(),
      nnunet({
        root: 'data',
        labelled: 2,
        validation: 0.5,
        grid: 'keep',
        flips: [],
        tail: ['gallbladder', 'esophagus', 'portal and splenic veins', 'right adrenal gland', 'left adrenal gland'],
      }),
      overlap({ measures: ['dice'] }),
      surface({ measures: ['asd'], empty: 'p1' }),
      jsonl(),
      html(),
    ],
    use: { optimizer: 'adam' },
    options: { 'optimizer:adam': { learningRate: 0.02 }, 'schedule:poly': { per: 'step', lag: 0 } },
    train: { patch: [16, 32, 32], validateEvery: 10, checkpointEvery: 1000, stepsPerEpoch: 20 },
  });
