import type { Batch, Crop, Index3, LabelledBatch, PatchSampling, UnlabelledBatch } from '@dinomix/core';
import type { RngKey } from '@dinomix/volume';
import type { CutResult } from '../crops/cut-crops.js';
import type { LabelIndex } from '../crops/label-index.js';
import { createCaseOrder, drawCrop } from '../crops/sampling.js';
import type { PreparedCase } from '../prepare/prepare-case.js';
import type { CaseStore } from './case-store.js';
import type { CaseWorkers } from './case-workers.js';

/** What the loader draws from. */
export interface BatchLoaderOptions {
  readonly seed: number;
  readonly labelled: readonly string[];
  readonly unlabelled: readonly string[];
  readonly batch: { readonly labelled: number; readonly unlabelled: number };
  /** `[d, h, w]`, voxels. */
  readonly patch: Index3;
  readonly sampling: PatchSampling;
  readonly stepsPerEpoch: number;
  /** Steps of the run; no batch is prepared beyond. */
  readonly steps: number;
  /** Batches prepared ahead. */
  readonly queue: number;
  readonly store: CaseStore;
  readonly workers: CaseWorkers;
  /** Voxels by class of each labelled case. */
  readonly labels: ReadonlyMap<string, LabelIndex>;
}

/** Hands out the batches of a run in order. */
export interface BatchLoader {
  /** The batch of the next step; the following ones are prepared meanwhile. */
  next(): Promise<Batch>;
  /** Cuts crops of labelled cases with their ground truth, for mixers. */
  donors(crops: readonly Crop[]): Promise<LabelledBatch>;
}

type Part = 'labelled' | 'unlabelled';

/**
 * Makes a loader that starts at `firstStep`. A batch depends on (seed, epoch, step) alone: not on the number of threads, on
 * what was prepared before, or on the step that it started with.
 */
export function createBatchLoader(options: BatchLoaderOptions, firstStep = 0): BatchLoader {
  const { seed, patch, sampling, store, workers } = options;
  const [depth, height, width] = patch;
  const caseOf = {
    labelled: createCaseOrder(options.labelled, seed, 'sampler/labelled'),
    unlabelled: createCaseOrder(options.unlabelled, seed, 'sampler/unlabelled'),
  };

  async function cut(part: Part, sources: readonly PreparedCase[], crops: readonly Crop[]): Promise<CutResult> {
    const views = sources.map(({ shape, image, label }) => ({ shape, image, label }));
    const labels = part === 'labelled';
    const { padValue, swap = null } = sampling;
    return workers.cut({ sources: views, crops, patch, padValue, labels, swap });
  }

  async function drawPart(part: Part, step: number): Promise<CutResult & { readonly crops: readonly Crop[] }> {
    const epoch = Math.floor(step / options.stepsPerEpoch);
    const count = options.batch[part];
    const firstItem = (step % options.stepsPerEpoch) * count;
    const stream = `sampler/${part}`;
    const items = Array.from({ length: count }, (_, index) => firstItem + index);
    const sources = await Promise.all(items.map((item) => store.get(caseOf[part](epoch, item), part)));
    const crops = sources.map((source, index) => {
      const key: RngKey = { seed, stream, epoch, item: items[index]! };
      const voxels = part === 'labelled' ? (options.labels.get(source.caseId) ?? null) : null;
      return drawCrop(source, patch, sampling, voxels, key);
    });
    return { ...(await cut(part, sources, crops)), crops };
  }

  async function assemble(step: number): Promise<Batch> {
    const [labelled, unlabelled] = await Promise.all([
      drawPart('labelled', step),
      options.batch.unlabelled > 0 ? drawPart('unlabelled', step) : null,
    ]);
    return { labelled: labelledBatch(labelled), unlabelled: unlabelled && unlabelledBatch(unlabelled) };
  }

  function labelledBatch({ image, label, crops }: CutResult & { readonly crops: readonly Crop[] }): LabelledBatch {
    return { shape: [crops.length, depth, height, width], image, label: label!, crops };
  }

  function unlabelledBatch({ image, crops }: CutResult & { readonly crops: readonly Crop[] }): UnlabelledBatch {
    return { shape: [crops.length, depth, height, width], image, crops };
  }

  const prepared: Promise<Batch>[] = [];
  let nextStep = firstStep;
  const fill = (): void => {
    while (prepared.length <= options.queue && nextStep < options.steps) {
      const batch = assemble(nextStep++);
      // It is awaited later; until then a failure must not count as unhandled.
      batch.catch(() => undefined);
      prepared.push(batch);
    }
  };
  return {
    async next() {
      fill();
      const batch = prepared.shift();
      if (batch === undefined) throw new RangeError(`the run has ${options.steps} steps; all batches are handed out`);
      const result = await batch;
      fill();
      return result;
    },
    async donors(crops) {
      const sources = await Promise.all(crops.map(({ caseId }) => store.get(caseId, 'labelled')));
      return labelledBatch({ ...(await cut('labelled', sources, crops)), crops });
    },
  };
}
