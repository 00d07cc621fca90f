import { extname } from 'node:path';
import { hashJson } from '../config/fingerprint.js';
import type { DmxError } from '../errors/dmx-error.js';
import type { JsonObject } from '../slots/contracts/common.js';
import type { ClassInfo, DataProblem, Dataset, PatchSampling, Preprocessing } from '../slots/contracts/dataset.js';
import { digestFile } from './digest.js';
import { createReader, type ReaderPlan } from './reader.js';
import type { Splits } from './splits.js';

/** A folder of image and label files whose cases and split are known. */
export interface FolderDescription {
  readonly title: string;
  readonly licence: string;
  readonly classes: readonly ClassInfo[];
  readonly splits: Splits;
  readonly preprocessing: Preprocessing;
  readonly sampling: PatchSampling;
  /** Where the files are and how they are read. */
  readonly plan: ReaderPlan;
  /** Folder of prepared volumes, absolute. */
  readonly cache: string | null;
  check(): AsyncIterable<DataProblem>;
}

async function digestsOf({ splits, plan }: FolderDescription) {
  const cases: Record<string, { image: string; label: string | null }> = {};
  for (const [role, ids] of Object.entries(splits)) {
    for (const id of ids) {
      const { image, label } = plan.cases[id]!;
      const isHidden = role === 'unlabelled' || label === null;
      cases[id] = { image: await digestFile(image), label: isHidden ? null : await digestFile(label) };
    }
  }
  return cases;
}

/** Makes the data set of a folder. No image is opened before it is asked for. */
export function createFolderDataset(description: FolderDescription): Dataset {
  const { title, licence, classes, splits, preprocessing, sampling, plan, cache } = description;
  const reader = createReader(plan);
  return {
    title,
    licence,
    classes,
    splits,
    preprocessing,
    sampling,
    cache,
    workerSource: {
      module: new URL(`./reader${extname(import.meta.url)}`, import.meta.url).href,
      export: 'createCaseReader',
      options: plan as unknown as JsonObject,
    },
    ...reader,
    fingerprint: async () => {
      const cases = await digestsOf(description);
      return { digest: hashJson({ classes, splits, preprocessing, cases }), cases };
    },
    check: () => description.check(),
  };
}

/** A data set that can be checked, and refuses everything else with the error that says what is wrong with it. */
export function createBrokenDataset(title: string, error: DmxError, check: () => AsyncIterable<DataProblem>): Dataset {
  const refuse = (): never => {
    throw error;
  };
  return {
    title,
    licence: '',
    get classes() {
      return refuse();
    },
    get splits() {
      return refuse();
    },
    get preprocessing() {
      return refuse();
    },
    get sampling() {
      return refuse();
    },
    get workerSource() {
      return refuse();
    },
    readCase: async () => refuse(),
    fingerprint: async () => refuse(),
    check,
  };
}
