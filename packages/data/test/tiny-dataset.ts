import type { CaseRole, Dataset, PatchSampling, Preprocessing } from '@dinomix/core';
import { createTinyReader } from './tiny-reader.mjs';

/** What a test may change of {@link tinyDataset}. */
export interface TinyOptions {
  readonly splits?: Partial<Record<CaseRole, readonly string[]>>;
  readonly sampling?: Partial<PatchSampling>;
  readonly preprocessing?: Partial<Preprocessing>;
}

/** A made-up data set of three classes, 10 × 12 × 12 voxels a case. */
export function tinyDataset({ splits, sampling, preprocessing }: TinyOptions = {}): Dataset {
  const options = { shape: [10, 12, 12], seed: 7 };
  const colour = [255, 255, 255] as const;
  return {
    title: 'tiny',
    classes: ['background', 'box', 'core'].map((name, index) => ({ index, name, colour, tail: index === 2 })),
    splits: {
      labelled: ['l0', 'l1', 'l2'],
      unlabelled: ['u0', 'u1', 'u2', 'u3', 'u4', 'u5'],
      validation: ['v0'],
      test: ['t0'],
      ...splits,
    },
    preprocessing: {
      orientation: 'keep',
      grid: { kind: 'keep' },
      normalisation: { steps: [{ kind: 'z-score' }], display: [-1, 2] },
      ...preprocessing,
    },
    sampling: { foreground: 0, upperOffset: 'inclusive', flips: [1, 2], padValue: 0, ...sampling },
    workerSource: { module: new URL('./tiny-reader.mjs', import.meta.url).href, export: 'createTinyReader', options },
    licence: 'none',
    readCase: createTinyReader(options).readCase,
    fingerprint: async () => ({ digest: 'tiny', cases: {} }),
    async *check() {},
  };
}
