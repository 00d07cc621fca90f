import { DmxError, type ErrorContext } from '@dinomix/core';

/** The three lines of a message. */
interface ErrorText {
  readonly summary: string;
  readonly why: string;
  readonly fix: string;
}

const text = (summary: string, why: string, fix: string): ErrorText => ({ summary, why, fix });

const list = (names: readonly string[]) => {
  const first = names.slice(0, 5).map((name) => `"${name}"`);
  return names.length > 5 ? `${first.join(', ')} and ${names.length - 5} more` : first.join(', ');
};

/** Every error of data on their way from files to batches, by code. */
export const DATA_ERROR_CODES = Object.freeze({
  DMX_DATASET_UNUSABLE: (d: { file: string; message: string; fix: string }) =>
    text(`${d.file} cannot be used`, d.message, d.fix),
  DMX_DATASET_CASE: (d: { id: string; known: readonly string[] }) =>
    text(
      `There is no case "${d.id}"`,
      `The folder has ${d.known.length} cases: ${d.known.slice(0, 5).join(', ')}${d.known.length > 5 ? ', ...' : ''}.`,
      'Take an id from the split of the data set.',
    ),
  DMX_CASE_UNUSABLE: (d: { caseId: string; role: string; reason: string }) =>
    text(
      `Case "${d.caseId}" (${d.role}) cannot be used`,
      d.reason,
      'Correct the file or take the case out of the split; "dinomix data check" lists every problem of the data set.',
    ),
  DMX_PREPARE_WRITE: (d: { folder: string; reason: string }) =>
    text(
      `Prepared volumes cannot be kept in ${d.folder}`,
      d.reason,
      'Make room there, or name another folder in the option "cache" of the data set. What was prepared before is whole and stays.',
    ),
  DMX_CASES_LEFT_OUT: (d: { file: string; cases: readonly string[] }) =>
    text(
      `"dinomix data prepare" left out ${d.cases.length === 1 ? 'a case' : `${d.cases.length} cases`} of this data set: ${list(d.cases)}`,
      `${d.file} tells of each the file, the reason and the cure. A run takes no case away from a split, for it would be another experiment.`,
      'Follow the cure of each case, or take these cases out of the split; then run "dinomix data prepare" again.',
    ),
  DMX_UNLABELLED_LABEL: (d: { caseId: string }) =>
    text(
      `The data set gave a label for the unlabelled case "${d.caseId}"`,
      'The label of an unlabelled case must never be read: methods would be compared on data that they must not see.',
      'Return label: null from readCase for the role "unlabelled".',
    ),
  DMX_SPLIT_EMPTY: (d: { role: string; needed: string; cure?: string }) =>
    text(
      `The split "${d.role}" is empty`,
      d.needed,
      d.cure ?? 'Add cases to the split, or change the setting that needs it.',
    ),
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
  DMX_PREPARE_CACHE: (d: { title: string }) =>
    text(
      `${d.title} has no folder for prepared volumes`,
      'Prepared volumes are kept where training looks for them: in the folder that the option "cache" of the data set names.',
      "Set it in the config, such as synapse({ root: 'data/synapse', cache: '.cache/synapse' }).",
    ),
} as const);

/** A code of this package. */
export type DataErrorCode = keyof typeof DATA_ERROR_CODES;

/** Details that the texts of a code are made from. */
export type DataErrorDetails<C extends DataErrorCode> = Parameters<(typeof DATA_ERROR_CODES)[C]>[0];

/** Makes the error with this code. */
export function dataError<C extends DataErrorCode>(
  code: C,
  details: DataErrorDetails<C>,
  context: ErrorContext = {},
): DmxError {
  const compose = DATA_ERROR_CODES[code] as (d: DataErrorDetails<C>) => ErrorText;
  return new DmxError({ code, ...compose(details), ...context });
}
