import type { AbsentCase, DataProblem } from '../slots/contracts/dataset.js';
import { errorOfAll } from './problems.js';
import { emptyParts, ROLES, type Splits } from './splits.js';

/** A split without the cases that lack an image or label file. */
export interface RemainingSplits {
  readonly splits: Splits;
  readonly absent: readonly AbsentCase[];
}

function absentCase(caseId: string, splits: Splits, problems: readonly DataProblem[]): AbsentCase {
  const role = ROLES.find((one) => splits[one].includes(caseId)) ?? null;
  const naming = problems.filter(({ absent }) => absent?.includes(caseId));
  // A problem that lists many cases is told of each in its own words.
  const own = naming.find((problem) => problem.caseId === caseId);
  const { file, fix } = own ?? naming[0]!;
  return { caseId, role, file, message: own?.message ?? `has no image of the case "${caseId}" (${role})`, fix };
}

/**
 * Takes the cases that lack an image or label file out of a split.
 * @param problems - those of `splits`; the errors that have `absent` say which cases.
 * @throws DMX_DATASET_UNUSABLE naming every error of another kind, or that no labelled case remains.
 */
export function withoutAbsentCases(splits: Splits, problems: readonly DataProblem[], root: string): RemainingSplits {
  const errors = problems.filter(({ severity }) => severity === 'error');
  const others = errorOfAll(
    errors.filter(({ absent }) => absent === undefined),
    root,
  );
  if (others !== null) throw others;
  const lost = new Set(errors.flatMap(({ absent = [] }) => absent));
  const kept = (ids: readonly string[]) => ids.filter((id) => !lost.has(id));
  const remaining: Splits = {
    labelled: kept(splits.labelled),
    unlabelled: kept(splits.unlabelled),
    validation: kept(splits.validation),
    test: kept(splits.test),
  };
  const empty = emptyParts(remaining, root).filter(({ severity }) => severity === 'error');
  if (empty.length > 0) throw errorOfAll([...errors, ...empty], root)!;
  return { splits: remaining, absent: [...lost].map((id) => absentCase(id, splits, errors)) };
}
