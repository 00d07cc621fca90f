import { byteSize, DmxError, type ErrorContext } from '@dinomix/core';

/** The three lines of a message. */
interface ErrorText {
  readonly summary: string;
  readonly why: string;
  readonly fix: string;
}

const text = (summary: string, why: string, fix: string): ErrorText => ({ summary, why, fix });

/** Every error of the command line by code. */
const CLI_ERROR_CODES = Object.freeze({
  DMX_CLI_VALUE: (d: { option: string; found: string; expected: string }) =>
    text(`Wrong value for ${d.option}`, `Found "${d.found}".`, `Give ${d.expected}.`),
  DMX_CLI_OPTIONS: (d: { problem: string; fix: string }) => text('These options do not go together', d.problem, d.fix),
  DMX_CLI_PACKAGE: (d: { name: string; wanted: string; folder: string }) =>
    text(
      `${d.wanted} needs the package ${d.name}`,
      `It was not found from ${d.folder}.`,
      `Install it there: npm install ${d.name}`,
    ),
  DMX_CLI_EXISTS: (d: { file: string }) =>
    text(`${d.file} exists already`, 'It is not written over.', 'Name another file or folder, or give --force.'),
  DMX_CLI_INPUT: (d: { path: string; problem: string }) =>
    text(
      `${d.path} cannot be used as input`,
      d.problem,
      'Name an image (.nii.gz, .nii, .nrrd, .mha, .mhd, .mgz), a folder with a DICOM series, or a folder of these.',
    ),
  DMX_CLI_DATA_FOLDER: (d: { folder: string; problem: string }) =>
    text(
      `${d.folder} is no data set whose layout is known`,
      d.problem,
      'Name the folder above imagesTr and dataset.json, or write a config with the data set (npx dinomix init) and leave the folder out.',
    ),
  DMX_CLI_RUN_FOLDER: (d: { directory: string; reason: string }) =>
    text(
      `${d.directory} is not the folder of a run`,
      d.reason.replace(/\.?$/, '.'),
      'Name a folder that "dinomix train" wrote.',
    ),
  DMX_TABLE_PROTOCOL: (d: { problem: string; cure: string }) =>
    text('These numbers do not belong into one table', `${d.problem}.`, d.cure),
  DMX_CLI_EXECUTOR: (_: Record<never, never>) =>
    text(
      'Nothing executes the run',
      'The slot "executor" was switched off.',
      'Leave "executor" out of "use": the built-in one runs in a thread of this process.',
    ),
  DMX_CLI_BACKEND: (d: { backend: string; task: string }) =>
    text(
      `The backend "${d.backend}" cannot ${d.task}`,
      'It does not offer this.',
      'Use the backend onnxruntime: --use backend=onnxruntime',
    ),
  DMX_EXPORT_DIFFERS: (d: { different: number; voxels: number; largestDifference: number }) =>
    text(
      'The exported network does not do what the trained one does',
      `On a test crop ${d.different} of ${d.voxels} labels differ, probabilities by up to ${d.largestDifference}. Nothing was written.`,
      'Please report this with the config of the run: the translation of one of its operations is wrong.',
    ),
  DMX_NETWORK_FILE: (d: { file: string; reason: string }) =>
    text(
      `${d.file} is not a network that can predict`,
      `${d.reason.replace(/\.?$/, '.')} Expected an ONNX file written by "dinomix export".`,
      'Write it again with "dinomix export <run folder>", or check that the download or copy is whole.',
    ),
  DMX_PREDICT_MEMORY: (d: {
    file: string;
    shape: readonly number[];
    classes: number;
    grid: string;
    /** Bytes, where they were judged before. */
    needed?: number;
    left?: number;
  }) =>
    text(
      `${d.file} is too large to predict here`,
      `Its ${d.shape.join(' x ')} voxels, brought to the grid of the network (${d.grid}), and ${d.classes} probabilities for each voxel of some of its planes do not fit into memory${d.needed === undefined ? '' : `: they take ${byteSize(d.needed)}, and ${byteSize(d.left ?? 0)} are left`}.`,
      'Cut the image to the part that the network was made for, or use a machine with more memory.',
    ),
  DMX_CLI_MEMORY: (d: { backend: string }) =>
    text(
      'Nobody can tell what memory this training takes',
      `It is judged from the graph of a step. The backend ${d.backend} does not tell, or a teacher from outside does not say what it will be.`,
      'Take the backend onnxruntime; switch a silent teacher off to judge the rest, such as with --off teacher.<id>.',
    ),
  DMX_PREDICT_FAILED: (d: { failed: readonly string[]; total: number }) =>
    text(
      `${d.failed.length} of ${d.total} files could not be predicted`,
      `The reason of each is above: ${d.failed.slice(0, 8).join(', ')}${d.failed.length > 8 ? ` and ${d.failed.length - 8} more` : ''}.`,
      'The other files are written; correct these and predict the rest with --continue.',
    ),
  DMX_PREDICT_THERE: (d: { file: string }) =>
    text(
      `${d.file} exists already`,
      'Labels are not written over.',
      'Give --continue to predict what is left, --force to predict everything again, or another --out.',
    ),
} as const);

/** A code of the command line. */
export type CliErrorCode = keyof typeof CLI_ERROR_CODES;

/** Makes the error with this code. */
export function cliError<C extends CliErrorCode>(
  code: C,
  details: Parameters<(typeof CLI_ERROR_CODES)[C]>[0],
  context: ErrorContext = {},
): DmxError {
  const compose = CLI_ERROR_CODES[code] as (d: typeof details) => ErrorText;
  return new DmxError({ code, ...compose(details), ...context });
}

/** An error of wrong use: exit code 2. */
export function usageError<C extends CliErrorCode>(
  code: C,
  details: Parameters<(typeof CLI_ERROR_CODES)[C]>[0],
): DmxError {
  return cliError(code, details, { phase: 'load' });
}
