// What data sets of image and label files share: `@dinomix/data`.

export { AMOS_CLASSES, AMOS_IDS, AMOS_SIDES, amosSplit, isAmosCt, type Leaked } from './benchmarks/amos.js';
export {
  AMOS_LABELLED,
  AMOS_TEST,
  AMOS_TRAIN,
  AMOS_UNLABELLED_20,
  AMOS_VALIDATION,
} from './benchmarks/amos-manifests.js';
export { type BenchmarkDescription, createBenchmarkDataset } from './benchmarks/benchmark-dataset.js';
export { RECIPES, type Recipe, type RecipeName, withSampling } from './benchmarks/recipes.js';
export { SYNAPSE_CLASSES, SYNAPSE_IDS, SYNAPSE_SIDES, synapseSplit } from './benchmarks/synapse.js';
export { type Manifest, SYNAPSE_MANIFESTS, type SynapseSplitName } from './benchmarks/synapse-manifests.js';
export { type CaseCheck, checkCases } from './check/check-cases.js';
export { headerProblems } from './check/findings.js';
export { constantProblem, imageWarnings, surveyIntensities } from './check/intensity-findings.js';
export { errorOf, errorOfAll, type Finding, problemOf, warningOf } from './check/problems.js';
export type { CaseFiles } from './layouts/case-files.js';
export type { CaseFormat, FileInspection, FormatSource } from './layouts/case-format.js';
export {
  createBrokenDataset,
  createCheckedDataset,
  createFolderDataset,
  type FolderDescription,
} from './layouts/folder-dataset.js';
export { entriesIn, type FolderEntry } from './layouts/folder-entries.js';
export {
  type FolderOptions,
  folderOptions,
  labelledOption,
  samplingOptions,
  splitFileOption,
  withAbsoluteFolders,
} from './layouts/folder-options.js';
export { type NiftiReading, niftiFileReading, niftiFormat } from './layouts/nifti.js';
export { checkNnunetFolder, openNnunetFolder } from './layouts/nnunet/dataset.js';
export type { DatasetDocument } from './layouts/nnunet/dataset-document.js';
export type { NnunetLayout } from './layouts/nnunet/layout.js';
export { type NnunetOptions, nnunetOptions } from './layouts/nnunet/options.js';
export { PHANTOM_MARK, phantomScope } from './layouts/phantom-mark.js';
export { createReader, type ReaderPlan } from './layouts/reader.js';
export {
  isFolder,
  officialProblems,
  type PairFolders,
  type PairNames,
  type PairScan,
  scanPairs,
} from './layouts/scan-pairs.js';
export { type UnreadPart, unreadProblems } from './layouts/unread-entries.js';
export { listedSplits, planSplits } from './splits/plan-splits.js';
export { idList, publishedSplitProblems, splitFromLists } from './splits/published-split.js';
export type { PlannedSplits, SplitOptions, Splits } from './splits/splits.js';
