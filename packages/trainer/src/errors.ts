import { DmxError, type ErrorContext } from '@dinomix/core';

/** The three lines of a message. */
interface ErrorText {
  readonly summary: string;
  readonly why: string;
  readonly fix: string;
}

const text = (summary: string, why: string, fix: string): ErrorText => ({ summary, why, fix });

const dataErrors = {
  DMX_CASE_UNUSABLE: (d: { caseId: string; role: string; reason: string }) =>
    text(
      `Case "${d.caseId}" (${d.role}) cannot be used`,
      d.reason,
      'Correct the file or take the case out of the split; "dinomix data check" lists every problem of the data set.',
    ),
  DMX_UNLABELLED_LABEL: (d: { caseId: string }) =>
    text(
      `The data set gave a label for the unlabelled case "${d.caseId}"`,
      'The label of an unlabelled case must never be read: methods would be compared on data that they must not see.',
      'Return label: null from readCase for the role "unlabelled".',
    ),
  DMX_SPLIT_EMPTY: (d: { role: string; needed: string }) =>
    text(`The split "${d.role}" is empty`, d.needed, 'Add cases to the split, or change the setting that needs it.'),
  DMX_SPLIT_OVERLAP: (d: { caseId: string; first: string; second: string }) =>
    text(
      `Case "${d.caseId}" is in two splits`,
      `It is in "${d.first}" and in "${d.second}".`,
      'Each case belongs to one split; correct the split file.',
    ),
  DMX_CLASS_ABSENT: (d: { classes: readonly string[]; cases: number }) =>
    text(
      `No labelled case contains ${d.classes.map((name) => `"${name}"`).join(', ')}`,
      `The labels of all ${d.cases} labelled cases were counted on the working grid. A class without a single voxel cannot be learned.`,
      'Choose another split, or take the class out of the data set.',
    ),
  DMX_BATCH_EMPTY: (d: { reason: string }) =>
    text('A batch cannot be made', d.reason, 'Correct train.batch or the splits.'),
} as const;

/** Every error of the trainer by code. */
export const TRAINER_ERROR_CODES = Object.freeze({ ...dataErrors });

/** A code of the trainer. */
export type TrainerErrorCode = keyof typeof TRAINER_ERROR_CODES;

/** Details that the texts of a code are made from. */
export type TrainerErrorDetails<C extends TrainerErrorCode> = Parameters<(typeof TRAINER_ERROR_CODES)[C]>[0];

/** Makes the error with this code. */
export function trainerError<C extends TrainerErrorCode>(
  code: C,
  details: TrainerErrorDetails<C>,
  context: ErrorContext = {},
): DmxError {
  const compose = TRAINER_ERROR_CODES[code] as (d: TrainerErrorDetails<C>) => ErrorText;
  return new DmxError({ code, ...compose(details), ...context });
}
