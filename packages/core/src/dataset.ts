// What data sets of image and label files share: `@dinomix/core/dataset`.

export { type BenchmarkDescription, createBenchmarkDataset } from './dataset/benchmark-dataset.js';
export { AMOS_CLASSES, AMOS_IDS, AMOS_SIDES, amosSplit, isAmosCt, type Leaked } from './dataset/benchmarks/amos.js';
export {
  AMOS_LABELLED,
  AMOS_TEST,
  AMOS_TRAIN,
  AMOS_UNLABELLED_20,
  AMOS_VALIDATION,
} from './dataset/benchmarks/amos-manifests.js';
export { SYNAPSE_CLASSES, SYNAPSE_IDS, SYNAPSE_SIDES, synapseSplit } from './dataset/benchmarks/synapse.js';
export { type Manifest, SYNAPSE_MANIFESTS, type SynapseSplitName } from './dataset/benchmarks/synapse-manifests.js';
export type { CaseFiles } from './dataset/case-files.js';
export type { CaseFormat, FileInspection, FormatSource } from './dataset/case-format.js';
export { type CaseCheck, checkCases } from './dataset/check-cases.js';
export { headerProblems } from './dataset/findings.js';
export {
  createBrokenDataset,
  createCheckedDataset,
  createFolderDataset,
  type FolderDescription,
} from './dataset/folder-dataset.js';
export { entriesIn, type FolderEntry } from './dataset/folder-entries.js';
export {
  type FolderOptions,
  folderOptions,
  labelledOption,
  samplingOptions,
  splitFileOption,
  withAbsoluteFolders,
} from './dataset/folder-options.js';
export { constantProblem, imageWarnings, surveyIntensities } from './dataset/intensity-findings.js';
export { type NiftiReading, niftiFileReading, niftiFormat } from './dataset/nifti.js';
export { checkNnunetFolder, openNnunetFolder } from './dataset/nnunet/dataset.js';
export type { DatasetDocument } from './dataset/nnunet/document.js';
export type { NnunetLayout } from './dataset/nnunet/layout.js';
export { type NnunetOptions, nnunetOptions } from './dataset/nnunet/options.js';
export { PHANTOM_MARK, phantomScope } from './dataset/phantom-mark.js';
export { listedSplits, planSplits } from './dataset/plan-splits.js';
export { errorOf, errorOfAll, type Finding, problemOf, warningOf } from './dataset/problems.js';
export { idList, publishedSplitProblems, splitFromLists } from './dataset/published-split.js';
export { createReader, type ReaderPlan } from './dataset/reader.js';
export { RECIPES, type Recipe, type RecipeName, withSampling } from './dataset/recipes.js';
export {
  isFolder,
  officialProblems,
  type PairFolders,
  type PairNames,
  type PairScan,
  scanPairs,
} from './dataset/scan-pairs.js';
export type { PlannedSplits, SplitOptions, Splits } from './dataset/splits.js';
export { type UnreadPart, unreadProblems } from './dataset/unread-entries.js';
