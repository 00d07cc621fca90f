import { join } from 'node:path';
import { type Dataset, hashJson, type Json, type RecordedSplit, reasonOf } from '@dinomix/core';
import { readRegularFile } from '@dinomix/volume';
import { z } from 'zod';
import { trainerError } from '../errors.js';
import { RECORD_FILE } from './record-file.js';

const ids = z.array(z.string());
const recordSchema = z.object({
  dataset: z.object({
    classes: z.array(z.looseObject({ name: z.string() })),
    splits: z.object({ labelled: ids, unlabelled: ids, validation: ids, test: ids }),
    fingerprint: z.object({
      cases: z.record(z.string(), z.object({ image: z.string(), label: z.string().nullable() })),
    }),
  }),
  images: z.object({ preprocessing: z.record(z.string(), z.json()) }),
});

/** The data of a run, as its record has them. */
export interface RecordedData extends RecordedSplit {
  /** Names in the order of their indices. */
  readonly classes: readonly string[];
  readonly preprocessing: Json;
}

/** Reads what a run was made with. @throws DMX_RUN_RECORD where the record is not there or says something else. */
export async function readRecordedData(directory: string): Promise<RecordedData> {
  const file = join(directory, RECORD_FILE);
  try {
    const { dataset, images } = recordSchema.parse(JSON.parse(await readRegularFile(file, 'utf8')));
    const { splits, fingerprint } = dataset;
    const classes = dataset.classes.map(({ name }) => name);
    return { classes, splits, cases: fingerprint.cases, preprocessing: images.preprocessing };
  } catch (cause) {
    throw trainerError('DMX_RUN_RECORD', { file, reason: reasonOf(cause) }, { cause });
  }
}

/** A data set as a run was made with it. */
export interface KeptDataset {
  readonly dataset: Dataset;
  /** What a person should know: which cases came since. */
  readonly notes: readonly string[];
}

const isSame = (first: unknown, second: unknown) => hashJson(first) === hashJson(second);

function assertSameMeaning({ classes, preprocessing }: Dataset, recorded: RecordedData, directory: string): void {
  const names = classes.map(({ name }) => name);
  if (!isSame(names, recorded.classes)) {
    const [now, before] = [names.join(', '), recorded.classes.join(', ')];
    throw trainerError('DMX_RUN_DATA', { directory, reason: `its classes are ${now} now, and were ${before}` });
  }
  if (!isSame(preprocessing, recorded.preprocessing)) {
    const [now, before] = [JSON.stringify(preprocessing), JSON.stringify(recorded.preprocessing)];
    throw trainerError('DMX_RUN_DATA', {
      directory,
      reason: `its images are prepared by ${now} now, and were by ${before}`,
    });
  }
}

const some = (names: readonly string[]) => {
  const first = names.slice(0, 5).map((name) => `"${name}"`);
  return names.length > 5 ? `${first.join(', ')} and ${names.length - 5} more` : first.join(', ');
};

function notesOf(today: Dataset['splits'], { splits }: RecordedData): readonly string[] {
  const kept = new Set(Object.values(splits).flat());
  const came = Object.values(today).flatMap((role) => role.filter((id) => !kept.has(id)));
  if (came.length === 0)
    return ['the data set would be split in another way today; the run keeps the split of its record'];
  return [
    `${some(came)} came to the data set after the run began and ${came.length === 1 ? 'is' : 'are'} left out: ` +
      'the run keeps the split of its record; to use them start a new run',
  ];
}

/**
 * Gives a run the data set that it was made with: split anew, cases that it trained on could become cases that it is tested
 * on. Files that changed in place are told by their digests, not here.
 * @throws DMX_RUN_DATA where classes or preparation are others, or the data set cannot have the split of the record;
 * DMX_DATASET_UNUSABLE where a case of it lacks its image or label.
 */
export function keepRecorded(dataset: Dataset, recorded: RecordedData, directory: string): KeptDataset {
  assertSameMeaning(dataset, recorded, directory);
  const today = dataset.splits;
  // A case that lost its label can be in its part of the split all the same, so the data set is asked whatever its split is.
  const kept = dataset.withSplit?.(recorded) ?? dataset;
  if (isSame(today, recorded.splits)) return { dataset: kept, notes: [] };
  if (kept === dataset) {
    throw trainerError('DMX_RUN_DATA', { directory, reason: 'its split is another, and it cannot be had as it was' });
  }
  return { dataset: kept, notes: notesOf(today, recorded) };
}
