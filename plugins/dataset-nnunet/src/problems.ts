import { type DataProblem, DmxError, reasonOf } from '@dinomix/core';

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
  return errorOf({
    file,
    caseId,
    message: reasonOf(thrown),
    fix: 'see the reason given; fetch or write the file again',
  });
}

/** Returns one error that lists every problem of severity error; null without one. */
export function errorOfAll(problems: readonly DataProblem[], root: string): DmxError | null {
  const errors = problems
    .filter(({ severity }) => severity === 'error')
    .map(
      ({ file, message, fix }) =>
        new DmxError({ code: 'DMX_NNUNET_DATA', summary: `${file} cannot be used`, why: message, fix }),
    );
  if (errors.length <= 1) return errors[0] ?? null;
  return new DmxError({
    code: 'DMX_NNUNET_DATA',
    summary: `The data set ${root} has ${errors.length} problems`,
    why: 'See below.',
    fix: 'See below.',
    problems: errors,
  });
}
