import type {
  CaseDigests,
  CaseRole,
  ClassInfo,
  DataProblem,
  Dataset,
  DmxError,
  ImageReading,
  Index3,
  JsonObject,
  KnownDigests,
  PatchSampling,
  Preprocessing,
} from '@dinomix/core';
import { hashJson } from '@dinomix/core';
import { errorOfAll } from '../check/problems.js';
import { lostCases } from '../splits/recorded-split.js';
import type { Splits } from '../splits/splits.js';
import { withoutAbsentCases } from './absent-cases.js';
import type { FormatSource } from './case-format.js';
import type { LabelValues } from './label-values.js';
import { createReader, type ReaderPlan } from './reader.js';

/** A folder of image and label files whose cases and split are known. */
export interface FolderDescription {
  readonly title: string;
  readonly licence: string;
  readonly classes: readonly ClassInfo[];
  readonly splits: Splits;
  readonly preprocessing: Preprocessing;
  readonly sampling: PatchSampling;
  /** Grid on which metrics compare; absent is the working grid. */
  readonly metricShape?: Index3;
  /** Where the files of each case are. */
  readonly cases: ReaderPlan['cases'];
  /** How they are read. */
  readonly format: FormatSource;
  /** How a prediction has to read images; absent where these are no files that it could be given. */
  readonly reading?: ImageReading;
  /** Largest difference of the affines of image and label. */
  readonly tolerance: number;
  /** Class by value in the label files; absent or null where values are classes. */
  readonly labelValues?: LabelValues | null;
  /** Folder of prepared volumes, absolute. */
  readonly cache: string | null;
  check(): AsyncIterable<DataProblem>;
}

async function digestsOf(splits: Splits, reader: ReturnType<typeof createReader>, known: KnownDigests | undefined) {
  const cases: Record<string, CaseDigests> = {};
  for (const [role, ids] of Object.entries(splits) as [CaseRole, readonly string[]][]) {
    for (const id of ids) {
      const identity = await reader.identify!(id, role);
      cases[id] = (await known?.(id, role, identity)) ?? (await identity.digests());
    }
  }
  return cases;
}

/** Makes the data set of a folder. No image is opened before it is asked for. */
export function createFolderDataset(description: FolderDescription): Dataset {
  const { title, licence, classes, splits, preprocessing, sampling, cases, format, tolerance, cache } = description;
  const { metricShape = null, labelValues = null } = description;
  const plan = { cases, classCount: classes.length, labelValues, tolerance, reading: format.reading };
  const mapping = labelValues === null ? {} : { labelValues };
  const reader = createReader(plan, format.format);
  return {
    title,
    licence,
    classes,
    splits,
    preprocessing,
    sampling,
    metricShape,
    hasAxes: format.hasAxes ?? true,
    ...(description.reading === undefined ? {} : { reading: description.reading }),
    cache,
    workerSource: {
      module: format.module,
      export: 'createCaseReader',
      options: plan as unknown as JsonObject,
      ...(format.heapMb === undefined ? {} : { heapMb: format.heapMb }),
    },
    ...reader,
    fingerprint: async (known) => {
      const digests = await digestsOf(splits, reader, known);
      return { digest: hashJson({ classes, splits, preprocessing, ...mapping, cases: digests }), cases: digests };
    },
    check: () => description.check(),
  };
}

/** A data set of which something is wrong. */
export interface BrokenDescription extends Pick<Dataset, 'title' | 'cache' | 'check' | 'withoutAbsent'> {
  /** What is wrong with it. */
  readonly error: DmxError;
}

/** A data set that can be checked and may be used in part, and refuses everything else with its error. */
export function createBrokenDataset({ error, ...usable }: BrokenDescription): Dataset {
  const refuse = (): never => {
    throw error;
  };
  return {
    ...usable,
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
  };
}

/**
 * Makes the data set of a folder with what is known to be wrong with it. Without errors it is as {@link createFolderDataset}
 * makes it, with errors as {@link createBrokenDataset} does.
 */
export function createCheckedDataset(
  description: FolderDescription,
  problems: readonly DataProblem[],
  root: string,
): Dataset {
  const error = errorOfAll(problems, root);
  if (error === null) {
    return {
      ...createFolderDataset(description),
      withSplit: (recorded) => {
        const lost = errorOfAll(lostCases(recorded, description.cases, root), root);
        if (lost !== null) throw lost;
        return createFolderDataset({ ...description, splits: recorded.splits });
      },
    };
  }
  const { title, cache } = description;
  return createBrokenDataset({
    title,
    cache,
    error,
    check: () => description.check(),
    withoutAbsent: () => {
      const { splits, absent } = withoutAbsentCases(description.splits, problems, root);
      return { dataset: createFolderDataset({ ...description, splits }), absent };
    },
  });
}
