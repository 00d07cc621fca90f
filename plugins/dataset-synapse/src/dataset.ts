import { resolve } from 'node:path';
import type { Dataset } from '@dinomix/core';
import {
  createBenchmarkDataset,
  niftiFileReading,
  niftiFormat,
  officialProblems,
  phantomScope,
  RECIPES,
  SYNAPSE_CLASSES,
  SYNAPSE_IDS,
  SYNAPSE_SIDES,
  withSampling,
} from '@dinomix/data';
import { scanSynapse } from './folder.js';
import type { SynapseOptions } from './options.js';
import { splitsOf } from './splits.js';

/** Opens the Synapse benchmark. No image is opened before it is asked for. */
export async function openSynapseDataset(options: SynapseOptions): Promise<Dataset> {
  const root = resolve(options.root);
  const { cases, problems } = await scanSynapse(root);
  const planned = await splitsOf(cases, root, options);
  const gaps = cases.length === 0 ? [] : officialProblems(SYNAPSE_IDS, cases, root);
  return createBenchmarkDataset({
    title: `Synapse (split ${options.split}, labelled ${options.labelled}, recipe ${options.recipe}${await phantomScope(cases)})`,
    licence: 'BTCV "Beyond the Cranial Vault", synapse.org syn3193805: registration needed, not to be passed on.',
    root,
    classes: SYNAPSE_CLASSES,
    cases,
    splits: planned.splits,
    problems: [...problems, ...gaps, ...planned.problems],
    recipe: withSampling(RECIPES[options.recipe], options, SYNAPSE_SIDES),
    format: niftiFormat(options),
    reading: niftiFileReading(options, true),
    options,
    isCt: () => true,
  });
}
