import {
  amosSplit,
  type CaseFiles,
  isAmosCt,
  type PlannedSplits,
  planSplits,
  publishedSplitProblems,
  type Splits,
  warningOf,
} from '@dinomix/data';
import type { AmosOptions } from './options.js';

function ctOnly({ splits, problems }: PlannedSplits, root: string): PlannedSplits {
  const parts = Object.entries(splits).map(([role, ids]) => [role, ids.filter(isAmosCt)] as const);
  const removed = Object.values(splits).flat().length - parts.flatMap(([, ids]) => ids).length;
  const message = `modality "ct" leaves ${removed} MRI cases of the published split out: it is another benchmark`;
  const fix = 'do not put its results beside published ones; modality: "all" is the benchmark';
  return {
    splits: Object.fromEntries(parts) as unknown as Splits,
    problems: [...problems, warningOf({ file: root, message, fix })],
  };
}

/** The split that the options ask for, with what is wrong with it. */
export async function splitsOf(
  cases: readonly CaseFiles[],
  root: string,
  options: AmosOptions,
): Promise<PlannedSplits> {
  const { split, modality, labelled, leaked } = options;
  if (split !== 'dhc') {
    return planSplits(cases, split === 'drawn' ? null : split, { ...options, root, unlabelled: [], fold: 0 });
  }
  const all = amosSplit(labelled, leaked, root);
  const planned = modality === 'ct' ? ctOnly(all, root) : all;
  return { ...planned, problems: [...planned.problems, ...publishedSplitProblems(split, planned.splits, cases, root)] };
}
