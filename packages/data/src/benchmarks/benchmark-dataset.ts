import { resolve } from 'node:path';
import type { ClassInfo, DataProblem, Dataset, ImageReading } from '@dinomix/core';
import { checkCases } from '../check/check-cases.js';
import type { CaseFiles } from '../layouts/case-files.js';
import type { FormatSource } from '../layouts/case-format.js';
import { createCheckedDataset } from '../layouts/folder-dataset.js';
import type { FolderOptions } from '../layouts/folder-options.js';
import { countedClasses, type LabelValues, labelValueProblems } from '../layouts/label-values.js';
import type { Splits } from '../splits/splits.js';
import type { Recipe } from './recipes.js';

/** A benchmark's folder, scanned and split. */
export interface BenchmarkDescription {
  readonly title: string;
  readonly licence: string;
  /** Absolute. */
  readonly root: string;
  readonly classes: readonly ClassInfo[];
  readonly cases: readonly CaseFiles[];
  readonly splits: Splits;
  /** What is known to be wrong before a file is opened. */
  readonly problems: readonly DataProblem[];
  readonly recipe: Recipe;
  /** How the files are read. */
  readonly format: FormatSource;
  readonly options: Pick<FolderOptions, 'tolerance' | 'cache'> & Partial<Pick<FolderOptions, 'labelValues'>>;
  /** How a prediction has to read images; absent where these are no files that it could be given. */
  readonly reading?: ImageReading;
  /** Whether the image of a case is in HU. */
  readonly isCt: (id: string) => boolean;
}

function valuesOf({ options, classes }: BenchmarkDescription): LabelValues | null {
  return countedClasses(classes.length, options.labelValues ?? {});
}

async function* allProblems(description: BenchmarkDescription): AsyncGenerator<DataProblem> {
  const { root, cases, splits, classes, problems, options, isCt, recipe } = description;
  yield* problems;
  if (cases.length === 0) return;
  yield* checkCases({
    root,
    cases,
    splits,
    classes: classes.map(({ name }) => name),
    labelValues: valuesOf(description),
    format: description.format.format,
    tolerance: options.tolerance,
    hidden: [],
    steps: recipe.preprocessing.normalisation.steps,
    isCt,
    knowsUnit: true,
  });
}

/**
 * Makes the data set of a benchmark. Where files or split cannot be used, it can be checked all the same, or had without the
 * cases that lack files where that is all, and any other use throws `DMX_DATASET_UNUSABLE` with everything that is known.
 */
export function createBenchmarkDataset(description: BenchmarkDescription): Dataset {
  const { title, licence, root, classes, cases, splits, recipe, options, format } = description;
  const names = classes.map(({ name }) => name);
  const problems = [...description.problems, ...labelValueProblems(options.labelValues ?? {}, names, root)];
  const check = () => allProblems({ ...description, problems });
  const labelValues = valuesOf(description);
  const { tolerance } = options;
  const cache = options.cache === null ? null : resolve(options.cache);
  const files = Object.fromEntries(cases.map(({ id, image, label }) => [id, { image, label }]));
  const { reading } = description;
  const reads = { cases: files, format, ...(reading === undefined ? {} : { reading }), tolerance, labelValues };
  const whole = { title, licence, classes, splits, ...recipe, ...reads, cache, check };
  return createCheckedDataset(whole, problems, root);
}
