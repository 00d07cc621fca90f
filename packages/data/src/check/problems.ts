import type { DataProblem } from '@dinomix/core';
import { DmxError, isDmxError, reasonOf } from '@dinomix/core';
import { dataError } from '../errors.js';

/** A finding before it has a severity. */
export type Finding = Omit<DataProblem, 'severity' | 'caseId'> & { readonly caseId?: string | null };

/** A problem that makes the data set or a case unusable. */
export function errorOf({ caseId = null, ...finding }: Finding): DataProblem {
  return { severity: 'error', caseId, ...finding };
}

/** A problem that one can live with, but should know. */
export function warningOf({ caseId = null, ...finding }: Finding): DataProblem {
  return { severity: 'warning', caseId, ...finding };
}

interface FileError {
  readonly file: string | undefined;
  readonly problem: string;
  readonly fix: string;
}

function isFileError(value: unknown): value is FileError {
  return typeof value === 'object' && value !== null && 'problem' in value && 'fix' in value;
}

/** Turns what reading a file threw into a problem of that file. */
export function problemOf(thrown: unknown, file: string, caseId: string): DataProblem {
  if (isFileError(thrown)) {
    return errorOf({ file: thrown.file ?? file, caseId, message: thrown.problem, fix: thrown.fix });
  }
  if (isDmxError(thrown)) return errorOf({ file, caseId, message: thrown.why, fix: thrown.fix });
  return errorOf({
    file,
    caseId,
    message: reasonOf(thrown),
    fix: 'see the reason given; fetch or write the file again',
  });
}

/** Returns one error, `DMX_DATASET_UNUSABLE`, that lists every problem of severity error; null without one. */
export function errorOfAll(problems: readonly DataProblem[], root: string): DmxError | null {
  const errors = problems
    .filter(({ severity }) => severity === 'error')
    .map(({ file, message, fix }) => dataError('DMX_DATASET_UNUSABLE', { file, message, fix }));
  if (errors.length <= 1) return errors[0] ?? null;
  const code = 'DMX_DATASET_UNUSABLE';
  const summary = `The data set ${root} has ${errors.length} problems`;
  return new DmxError({ code, summary, why: 'See below.', fix: 'See below.', problems: errors });
}
