import { onnxruntime } from '@dinomix/backend-onnxruntime';
import { definePreset } from '@dinomix/core';
import { nnunet } from '@dinomix/dataset-nnunet';
import { overlap } from '@dinomix/metric-overlap';
import { surface } from '@dinomix/metric-surface';
import { html } from '@dinomix/reporter-html';
import { jsonl } from '@dinomix/reporter-jsonl';

/** The network of all four methods: small, because a run has three minutes. */
export const NETWORK = { filters: 8, levels: 4, encoderConvs: [1, 1, 2, 2], dropout: 0 } as const;

/**
 * Added to numerator and denominator of Dice. A rare organ has a dozen voxels here and is absent from most crops; 1 would
 * then press its probability to nothing, and it would never be found in a run of this length.
 */
export const DICE = { smooth: 1e-5 } as const;

/** What all four methods share: data, engine, metrics, optimizer, crops. */
export const experiment = () =>
  definePreset('quickstart', {
    plugins: [
      onnxruntime(),
      nnunet({
        root: 'data',
        labelled: 1,
        validation: 0.5,
        grid: 'keep',
        flips: [], // left and right organs have different labels
        tail: ['gallbladder', 'esophagus', 'portal and splenic veins', 'right adrenal gland', 'left adrenal gland'],
      }),
      overlap({ measures: ['dice'] }),
      surface({ measures: ['asd'], empty: 'p1' }),
      jsonl(),
      html(),
    ],
    use: { optimizer: 'adam', schedule: 'poly' },
    options: {
      'optimizer:adam': { learningRate: 0.02 },
      'schedule:poly': { power: 0.9, per: 'step', lag: 0 },
    },
    threads: 1, // crops this small gain nothing from a second core; the demo trains two methods side by side instead
    train: { patch: [16, 32, 32], stepsPerEpoch: 100, validateEvery: 2, checkpointEvery: 1000 },
  });
