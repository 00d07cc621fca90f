// The loader by itself, for tools that time or inspect it: `@dinomix/trainer/loader`.
export { createLabelIndex } from './data/label-index.js';
export { type BatchLoader, type BatchLoaderOptions, createBatchLoader } from './loader/batch-loader.js';
export { type CaseStore, createCaseStore } from './loader/case-store.js';
export { type CaseSource, type CaseWorkers, createCaseWorkers } from './loader/case-workers.js';
