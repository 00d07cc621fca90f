import type { CaseRole, Dataset, DatasetFacts, TrainedImages, TrainSettings } from '@dinomix/core';
import { createLabelIndex, type LabelIndex } from '../crops/label-index.js';
import { dataError } from '../errors.js';
import type { CaseStore } from '../loader/case-store.js';
import { eachCase } from './each-case.js';
import { preparedDigests } from './prepared-marks.js';
import { trainedImages } from './trained-images.js';

/** Facts about the data and where its labelled voxels are. */
export interface CountedDataset {
  readonly facts: DatasetFacts;
  /** By case id, in the order of the split. */
  readonly labels: ReadonlyMap<string, LabelIndex>;
  readonly images: TrainedImages;
}

function assertFilled(dataset: Dataset, train: TrainSettings): void {
  const { splits } = dataset;
  const { batch, validateEvery } = train;
  const needed: readonly { role: CaseRole; isNeeded: boolean; needed: string; cure?: string }[] = [
    { role: 'labelled', isNeeded: true, needed: 'Every step needs labelled crops.' },
    {
      role: 'unlabelled',
      isNeeded: batch.unlabelled > 0,
      needed: `train.batch.unlabelled is ${batch.unlabelled}, and every case of the data set has a label or another part.`,
      cure:
        'To train with labels alone: --set train.batch.unlabelled=0. To train with few of them, let the option "labelled" of ' +
        'the data set hide the others, such as --set dataset.<id>.labelled=0.2.',
    },
    {
      role: 'validation',
      isNeeded: validateEvery > 0,
      needed: `train.validateEvery is ${validateEvery}.`,
      cure: 'Add cases to the split, or train without validation: --set train.validateEvery=0.',
    },
  ];
  for (const { isNeeded, ...what } of needed) {
    if (isNeeded && splits[what.role].length === 0) throw dataError('DMX_SPLIT_EMPTY', what);
  }
}

function assertDisjoint(dataset: Dataset): void {
  const seen = new Map<string, string>();
  for (const [role, ids] of Object.entries(dataset.splits)) {
    for (const caseId of ids) {
      const first = seen.get(caseId);
      if (first !== undefined) throw dataError('DMX_SPLIT_OVERLAP', { caseId, first, second: role });
      seen.set(caseId, role);
    }
  }
}

function assertPresent(dataset: Dataset, voxels: readonly number[]): void {
  const absent = dataset.classes.filter(({ index }) => index > 0 && voxels[index] === 0).map(({ name }) => name);
  if (absent.length === 0) return;
  throw dataError('DMX_CLASS_ABSENT', { classes: absent, cases: dataset.splits.labelled.length });
}

/**
 * Checks the splits and counts the voxels of the labelled cases.
 * @throws DMX_SPLIT_EMPTY, DMX_SPLIT_OVERLAP, DMX_CLASS_ABSENT, DMX_CASE_UNUSABLE.
 */
export async function countDataset(
  dataset: Dataset,
  store: CaseStore,
  train: TrainSettings,
  signal: AbortSignal,
): Promise<CountedDataset> {
  assertFilled(dataset, train);
  assertDisjoint(dataset);
  const { title, classes, splits } = dataset;
  // One more than read: while they do, the last volume is counted.
  const entries = await eachCase(splits.labelled, train.workers + 1, signal, async (caseId) => {
    const { label, shape, source } = await store.get(caseId, 'labelled');
    const index = createLabelIndex(label!, shape, classes.length);
    store.reserve(index.bytes);
    return { caseId, index, source };
  });
  const labels = new Map(entries.map(({ caseId, index }) => [caseId, index]));
  const labelledVoxels = classes.map(({ index }) =>
    entries.reduce((sum, entry) => sum + entry.index.counts[index]!, 0),
  );
  assertPresent(dataset, labelledVoxels);
  const fingerprint = await dataset.fingerprint(preparedDigests(dataset));
  const images = trainedImages(
    dataset,
    entries.map(({ source }) => source),
  );
  return { facts: { title, classes, splits, labelledVoxels, fingerprint }, labels, images };
}
