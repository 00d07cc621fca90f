import {
  type CaseFiles,
  errorOf,
  type PlannedSplits,
  planSplits,
  publishedSplitProblems,
  splitFromLists,
} from '@dinomix/core/dataset';
import { MANIFESTS } from './manifests.js';
import type { SynapseOptions } from './options.js';

/** The split that the options ask for, with what is wrong with it. */
export async function splitsOf(
  cases: readonly CaseFiles[],
  root: string,
  options: SynapseOptions,
): Promise<PlannedSplits> {
  const { split, labelled } = options;
  const manifest = Object.entries(MANIFESTS).find(([name]) => name === split)?.[1];
  if (manifest === undefined) {
    const rest = { ...options, root, unlabelled: [], fold: 0 };
    return planSplits(cases, split === 'drawn' ? null : split, rest);
  }
  const list = manifest.labelled[String(labelled)];
  if (list === undefined) {
    const message = `option "labelled" is ${labelled}; the split "${split}" has lists for ${Object.keys(manifest.labelled).join(', ')}`;
    const fix = 'take one of them, another split, or split: "drawn"';
    const splits = { labelled: [], unlabelled: [], validation: [], test: [] };
    return { splits, problems: [errorOf({ file: root, message, fix })] };
  }
  const splits = splitFromLists({ ...manifest, labelled: list });
  return { splits, problems: publishedSplitProblems(split, splits, cases, root) };
}
