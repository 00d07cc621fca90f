import { resolve } from 'node:path';
import type { Dataset } from '@dinomix/core';
import {
  AMOS_CLASSES,
  AMOS_IDS,
  AMOS_SIDES,
  createBenchmarkDataset,
  isAmosCt,
  niftiFileReading,
  niftiFormat,
  officialProblems,
  phantomScope,
  RECIPES,
  withSampling,
} from '@dinomix/data';
import { scanAmos } from './folder.js';
import type { AmosOptions } from './options.js';
import { splitsOf } from './splits.js';

/** GALoss compares on 160x160x80 voxels along x, y, z, "to match DHC" (method.md §2.1). */
const P2_METRICS = [80, 160, 160] as const;

/** Opens the AMOS22 benchmark. No image is opened before it is asked for. */
export async function openAmosDataset(options: AmosOptions): Promise<Dataset> {
  const { root, cases: found, problems } = await scanAmos(resolve(options.root));
  const { split, labelled, recipe, modality } = options;
  const cases = modality === 'ct' ? found.filter(({ id }) => isAmosCt(id)) : found;
  const official = modality === 'ct' ? AMOS_IDS.filter(isAmosCt) : AMOS_IDS;
  const planned = await splitsOf(cases, root, options);
  const gaps = cases.length === 0 ? [] : officialProblems(official, cases, root);
  const modalities = modality === 'ct' ? ', CT only: not the published benchmark' : '';
  const scope = `${modalities}${await phantomScope(cases)}`;
  return createBenchmarkDataset({
    title: `AMOS22 (split ${split}, labelled ${labelled}, recipe ${recipe}${scope})`,
    licence: 'AMOS22, CC BY-NC-SA 4.0 by its challenge page.',
    root,
    classes: AMOS_CLASSES,
    cases,
    splits: planned.splits,
    problems: [...problems, ...gaps, ...planned.problems],
    recipe: withSampling(
      recipe === 'p2' ? { ...RECIPES.p2, metricShape: P2_METRICS } : RECIPES[recipe],
      options,
      AMOS_SIDES,
    ),
    format: niftiFormat(options),
    reading: niftiFileReading(options, modality === 'ct'),
    options,
    isCt: isAmosCt,
  });
}
