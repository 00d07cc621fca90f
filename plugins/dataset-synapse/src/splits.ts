import {
  type CaseFiles,
  type PlannedSplits,
  planSplits,
  publishedSplitProblems,
  SYNAPSE_MANIFESTS,
  type SynapseSplitName,
  synapseSplit,
} from '@dinomix/data';
import type { SynapseOptions } from './options.js';

function isPublished(split: string): split is SynapseSplitName {
  return Object.hasOwn(SYNAPSE_MANIFESTS, split);
}

/** The split that the options ask for, with what is wrong with it. */
export async function splitsOf(
  cases: readonly CaseFiles[],
  root: string,
  options: SynapseOptions,
): Promise<PlannedSplits> {
  const { split, labelled } = options;
  if (!isPublished(split)) {
    const rest = { ...options, root, unlabelled: [], fold: 0 };
    return planSplits(cases, split === 'drawn' ? null : split, rest);
  }
  const { splits, problems } = synapseSplit(split, labelled, root);
  if (problems.length > 0) return { splits, problems };
  return { splits, problems: publishedSplitProblems(split, splits, cases, root) };
}
