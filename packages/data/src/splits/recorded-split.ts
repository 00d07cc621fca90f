import { dirname } from 'node:path';
import type { CaseRole, DataProblem, RecordedSplit } from '@dinomix/core';
import { errorOf } from '../check/problems.js';
import type { ReaderPlan } from '../layouts/reader.js';
import { ROLES } from './splits.js';

/** Whether a case must have a label to be used as it was. */
function hadLabel(id: string, role: CaseRole, { cases }: RecordedSplit): boolean {
  // A test case may have been one without a reference from the beginning.
  return role === 'labelled' || role === 'validation' || (role === 'test' && (cases[id]?.label ?? null) !== null);
}

/**
 * The cases of a recorded split that cannot be used as they were, since their image or label is not there any more.
 * @param files - of the cases that are there.
 * @param root - folder of the data set, for messages.
 */
export function lostCases(recorded: RecordedSplit, files: ReaderPlan['cases'], root: string): DataProblem[] {
  const fix =
    'put it back as it was; without it the run cannot go on or be evaluated on what it was made with: start a new run instead';
  return ROLES.flatMap((role) =>
    recorded.splits[role].flatMap((caseId) => {
      const found = files[caseId];
      if (found === undefined) {
        const message = `has no image of "${caseId}" (${role}) any more, which the run was made with`;
        return [errorOf({ file: root, caseId, message, fix })];
      }
      if (found.label !== null || !hadLabel(caseId, role, recorded)) return [];
      const message = `has no label of "${caseId}" (${role}) any more, which the run was made with; its image is in ${dirname(found.image)}`;
      return [errorOf({ file: root, caseId, message, fix })];
    }),
  );
}
