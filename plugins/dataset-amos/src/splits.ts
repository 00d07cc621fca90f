import type { DataProblem } from '@dinomix/core';
import {
  type CaseFiles,
  errorOf,
  type PlannedSplits,
  planSplits,
  publishedSplitProblems,
  type Splits,
  splitFromLists,
  warningOf,
} from '@dinomix/core/dataset';
import { LABELLED, TEST, TRAIN, UNLABELLED_20, VALIDATION } from './manifests.js';
import type { AmosOptions } from './options.js';

/** Whether a case is a CT: ids above 500 are MRI (method.md §2.3). */
export function isCt(id: string): boolean {
  return Number(id) <= 500;
}

/** The cases that the published 20 % lists share with the validation list. */
function leaksOf({ labelled, unlabelled, validation }: Splits) {
  const held = new Set(validation);
  return { labelled: labelled.filter((id) => held.has(id)), unlabelled: unlabelled.filter((id) => held.has(id)) };
}

function leakProblem(splits: Splits, leaked: AmosOptions['leaked'], root: string): DataProblem[] {
  const { labelled, unlabelled } = leaksOf(splits);
  if (labelled.length + unlabelled.length === 0) return [];
  const message =
    `the published 20 % lists train on validation cases: labelled ${labelled.join(' ')}; unlabelled ` +
    `${unlabelled.join(' ')}. They are left out of ${leaked === 'validation' ? 'training' : 'validation'}`;
  const fix =
    'say so beside the result; leaked: "training" trains on the lists as published and validates on the rest, ' +
    'leaked: "validation" keeps the validation list';
  return [warningOf({ file: root, message, fix })];
}

function withoutLeaks(splits: Splits, leaked: AmosOptions['leaked']): Splits {
  const leaks = leaksOf(splits);
  const shared = new Set([...leaks.labelled, ...leaks.unlabelled]);
  const kept = (ids: readonly string[]) => ids.filter((id) => !shared.has(id));
  if (leaked === 'training') return { ...splits, validation: kept(splits.validation) };
  return { ...splits, labelled: kept(splits.labelled), unlabelled: kept(splits.unlabelled) };
}

function published(options: AmosOptions, root: string): PlannedSplits {
  const { labelled: share, leaked } = options;
  const labelled = LABELLED[String(share)];
  if (labelled === undefined) {
    const message = `option "labelled" is ${share}; the split "dhc" has lists for ${Object.keys(LABELLED).join(', ')}`;
    const problem = errorOf({ file: root, message, fix: 'take one of them, or split: "drawn"' });
    return { splits: { labelled: [], unlabelled: [], validation: [], test: [] }, problems: [problem] };
  }
  const parts = { train: TRAIN, labelled, validation: VALIDATION, test: TEST };
  const splits = share === 0.2 ? { ...parts, unlabelled: UNLABELLED_20 } : splitFromLists(parts);
  const { unlabelled, validation, test } = splits;
  const lists = { labelled, unlabelled, validation, test };
  return { splits: withoutLeaks(lists, leaked), problems: leakProblem(lists, leaked, root) };
}

function ctOnly({ splits, problems }: PlannedSplits, root: string): PlannedSplits {
  const parts = Object.entries(splits).map(([role, ids]) => [role, ids.filter(isCt)] as const);
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
  const { split, modality } = options;
  if (split !== 'dhc') {
    return planSplits(cases, split === 'drawn' ? null : split, { ...options, root, unlabelled: [], fold: 0 });
  }
  const all = published(options, root);
  const planned = modality === 'ct' ? ctOnly(all, root) : all;
  return { ...planned, problems: [...planned.problems, ...publishedSplitProblems(split, planned.splits, cases, root)] };
}
