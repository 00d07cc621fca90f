import { resolve } from 'node:path';
import type { Dataset } from '@dinomix/core';
import { createBenchmarkDataset, gapProblems, niftiFormat, RECIPES, withSampling } from '@dinomix/core/dataset';
import { CLASSES, SIDES } from './classes.js';
import { scanAmos } from './folder.js';
import { TEST, TRAIN, VALIDATION } from './manifests.js';
import type { AmosOptions } from './options.js';
import { isCt, splitsOf } from './splits.js';

const OFFICIAL_IDS = [...TRAIN, ...VALIDATION, ...TEST].sort();

/** Opens the AMOS22 benchmark. No image is opened before it is asked for. */
export async function openAmosDataset(options: AmosOptions): Promise<Dataset> {
  const { root, cases: found, problems } = await scanAmos(resolve(options.root));
  const { split, labelled, recipe, modality } = options;
  const cases = modality === 'ct' ? found.filter(({ id }) => isCt(id)) : found;
  const official = modality === 'ct' ? OFFICIAL_IDS.filter(isCt) : OFFICIAL_IDS;
  const planned = await splitsOf(cases, root, options);
  const gaps = cases.length === 0 ? [] : gapProblems(official, cases, root);
  const scope = modality === 'ct' ? ', CT only: not the published benchmark' : '';
  return createBenchmarkDataset({
    title: `AMOS22 (split ${split}, labelled ${labelled}, recipe ${recipe}${scope})`,
    licence: 'AMOS22, CC BY-NC-SA 4.0 by its challenge page.',
    root,
    classes: CLASSES,
    cases,
    splits: planned.splits,
    problems: [...problems, ...gaps, ...planned.problems],
    recipe: withSampling(RECIPES[recipe], options, SIDES),
    format: niftiFormat(options),
    options,
    isCt,
  });
}
