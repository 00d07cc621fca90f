// The loader by itself, for tools that time or inspect it: `@dinomix/data/loader`.
export { createLabelIndex } from './crops/label-index.js';
export { type BatchLoader, type BatchLoaderOptions, createBatchLoader } from './loader/batch-loader.js';
export type { CaseSource } from './loader/case-source.js';
export { type CaseStore, createCaseStore, trainingVolumes } from './loader/case-store.js';
export { type CaseWorkers, createCaseWorkers } from './loader/case-workers.js';
