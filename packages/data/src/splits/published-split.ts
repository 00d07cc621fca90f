import type { CaseRole, DataProblem } from '@dinomix/core';
import { errorOf } from '../check/problems.js';
import type { CaseFiles } from '../layouts/case-files.js';
import type { Splits } from './splits.js';

/** Ids of a published list, written `0001 0002 0003`. */
export function idList(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}

/** Returns the split of published lists: the unlabelled cases are those of `train` that are not labelled. */
export function splitFromLists(lists: {
  readonly train: readonly string[];
  readonly labelled: readonly string[];
  readonly validation: readonly string[];
  readonly test: readonly string[];
}): Splits {
  const { train, labelled, validation, test } = lists;
  const kept = new Set(labelled);
  return { labelled, unlabelled: train.filter((id) => !kept.has(id)), validation, test };
}

/** Finds the cases that a published split names and that the folder does not have, or has without a label. */
export function publishedSplitProblems(
  name: string,
  splits: Splits,
  cases: readonly CaseFiles[],
  root: string,
): DataProblem[] {
  const caseOf = new Map(cases.map((one) => [one.id, one]));
  return (Object.entries(splits) as [CaseRole, readonly string[]][]).flatMap(([role, ids]) => {
    const missing = ids.filter((id) => !caseOf.has(id));
    const bare = role === 'unlabelled' ? [] : ids.filter((id) => caseOf.get(id)?.label === null);
    const problems: DataProblem[] = [];
    if (missing.length > 0) {
      const message = `the split "${name}" has ${missing.length} ${role} cases that are not there: ${missing.join(' ')}`;
      const fix = 'fetch the missing files, or draw a split of the cases at hand (option split: "drawn")';
      problems.push(errorOf({ file: root, message, fix, absent: missing }));
    }
    for (const id of bare) {
      const message = `case "${id}" is ${role} in the split "${name}" and has no label file`;
      const file = caseOf.get(id)!.image;
      problems.push(errorOf({ file, caseId: id, message, fix: 'fetch its label', absent: [id] }));
    }
    return problems;
  });
}
