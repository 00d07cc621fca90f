import type { AbsentCase, CaseRole, DataProblem } from '@dinomix/core';
import { errorOfAll } from '../check/problems.js';
import { emptyParts, ROLES, type Splits } from '../splits/splits.js';

/** A split without the cases that lack an image or label file. */
export interface RemainingSplits {
  readonly splits: Splits;
  readonly absent: readonly AbsentCase[];
}

/** The problems that name each absent case. */
function problemsByCase(problems: readonly DataProblem[]): ReadonlyMap<string, readonly DataProblem[]> {
  const naming = new Map<string, DataProblem[]>();
  for (const problem of problems) {
    for (const id of problem.absent ?? []) {
      const others = naming.get(id);
      if (others === undefined) naming.set(id, [problem]);
      else others.push(problem);
    }
  }
  return naming;
}

function absentCase(caseId: string, role: CaseRole | null, naming: readonly DataProblem[]): AbsentCase {
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
  const lost = problemsByCase(errors);
  const roleOf = new Map(ROLES.flatMap((role) => splits[role].map((id) => [id, role] as const)).reverse());
  const kept = (ids: readonly string[]) => ids.filter((id) => !lost.has(id));
  const remaining: Splits = {
    labelled: kept(splits.labelled),
    unlabelled: kept(splits.unlabelled),
    validation: kept(splits.validation),
    test: kept(splits.test),
  };
  const empty = emptyParts(remaining, root).filter(({ severity }) => severity === 'error');
  if (empty.length > 0) throw errorOfAll([...errors, ...empty], root)!;
  const absent = [...lost].map(([id, naming]) => absentCase(id, roleOf.get(id) ?? null, naming));
  return { splits: remaining, absent };
}
