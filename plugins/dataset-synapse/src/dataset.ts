import { resolve } from 'node:path';
import type { Dataset } from '@dinomix/core';
import { createBenchmarkDataset, gapProblems, niftiFormat, RECIPES, withSampling } from '@dinomix/core/dataset';
import { CLASSES, SIDES } from './classes.js';
import { scanSynapse } from './folder.js';
import { OFFICIAL_IDS } from './manifests.js';
import type { SynapseOptions } from './options.js';
import { splitsOf } from './splits.js';

/** Opens the Synapse benchmark. No image is opened before it is asked for. */
export async function openSynapseDataset(options: SynapseOptions): Promise<Dataset> {
  const root = resolve(options.root);
  const { cases, problems } = await scanSynapse(root);
  const planned = await splitsOf(cases, root, options);
  const gaps = cases.length === 0 ? [] : gapProblems(OFFICIAL_IDS, cases, root);
  return createBenchmarkDataset({
    title: `Synapse (split ${options.split}, labelled ${options.labelled}, recipe ${options.recipe})`,
    licence: 'BTCV "Beyond the Cranial Vault", synapse.org syn3193805: registration needed, not to be passed on.',
    root,
    classes: CLASSES,
    cases,
    splits: planned.splits,
    problems: [...problems, ...gaps, ...planned.problems],
    recipe: withSampling(RECIPES[options.recipe], options, SIDES),
    format: niftiFormat(options),
    options,
    isCt: () => true,
  });
}
