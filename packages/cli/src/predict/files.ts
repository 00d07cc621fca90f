import { statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { usageError } from '../errors.js';
import { findInputs, IMAGE_ENDING, NIFTI_ENDING, type PredictionInput } from './inputs.js';

/** How labels are written. `seg` is a DICOM segmentation. */
export const LABEL_FORMATS = ['nifti', 'nrrd', 'mha', 'seg'] as const;
export type LabelFormat = (typeof LABEL_FORMATS)[number];

/** One image to predict and where its labels go. Absolute paths. */
export interface PredictionPair {
  readonly input: PredictionInput;
  readonly output: string;
  readonly format: LabelFormat;
}

const ENDINGS: Readonly<Record<LabelFormat, string>> = { nifti: '.nii.gz', nrrd: '.nrrd', mha: '.mha', seg: '.dcm' };
const OUTPUTS: readonly (readonly [RegExp, LabelFormat])[] = [
  [NIFTI_ENDING, 'nifti'],
  [/\.nrrd$/i, 'nrrd'],
  [/\.mha$/i, 'mha'],
  [/\.dcm$/i, 'seg'],
];

function formatOfName(name: string): LabelFormat | null {
  return OUTPUTS.find(([ending]) => ending.test(name))?.[1] ?? null;
}

const isFolder = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
const withoutEnding = (name: string) => name.replace(NIFTI_ENDING, '').replace(IMAGE_ENDING, '');

/** The name of the labels below `root`: nnU-Net's channel number `_0000` belongs to images alone. */
function labelName({ path, kind }: PredictionInput, root: string, format: LabelFormat | null): string {
  // Series of several patients have names such as CT: the folders above tell them apart.
  const own = path === root ? basename(path) : relative(root, path).split(sep).join('_');
  const stem = (kind === 'dicom' ? own : withoutEnding(own)).replace(/_0000$/, '');
  const kept = kind === 'nifti' && (format ?? 'nifti') === 'nifti' ? NIFTI_ENDING.exec(path)?.[0] : undefined;
  return `${stem}${kept ?? ENDINGS[format ?? 'nifti']}`;
}

function pairOne(input: PredictionInput, out: string | null, format: LabelFormat | null): PredictionPair {
  const ending = ENDINGS[format ?? 'nifti'];
  const stem = input.kind === 'dicom' ? input.path : join(dirname(input.path), withoutEnding(basename(input.path)));
  if (out === null) return { input, output: `${stem}_labels${ending}`, format: format ?? 'nifti' };
  const named = isFolder(out) ? null : formatOfName(out);
  if (named === null) {
    return { input, output: join(out, labelName(input, input.path, format)), format: format ?? 'nifti' };
  }
  if (format !== null && format !== named) {
    const problem = `--format ${format} does not write a file of the name ${basename(out)}.`;
    const fix = `Give a name that ends in ${ending}, or leave --format out.`;
    throw usageError('DMX_CLI_OPTIONS', { problem, fix });
  }
  return { input, output: out, format: named };
}

function assertSeparate(pairs: readonly PredictionPair[], path: string): void {
  const inputs = new Set(pairs.map(({ input }) => input.path));
  const seen = new Set<string>();
  for (const { input, output, format } of pairs) {
    if (format === 'seg' && input.kind !== 'dicom') {
      const problem = 'A DICOM segmentation refers to a DICOM series, and this is none.';
      throw usageError('DMX_CLI_INPUT', { path: input.path, problem });
    }
    if (inputs.has(output)) {
      throw usageError('DMX_CLI_INPUT', { path: output, problem: 'Its labels would replace it; name another output.' });
    }
    if (seen.has(output)) {
      throw usageError('DMX_CLI_INPUT', { path, problem: `Two images would be written to ${output}.` });
    }
    seen.add(output);
  }
}

/**
 * The images to predict.
 *
 * @param out - a file or folder; null writes `<name>_labels.nii.gz` beside an image, and to `<folder>_labels` for several.
 * @param format - null takes that of the name `out`, or else NIfTI
 * @throws DMX_CLI_INPUT where there is no input, a result would replace an input, or a DICOM segmentation has no series;
 *   DMX_CLI_OPTIONS where name and format disagree.
 */
export function pairFiles(input: string, out: string | null, format: LabelFormat | null): readonly PredictionPair[] {
  const path = resolve(input);
  const inputs = findInputs(path);
  const target = out === null ? null : resolve(out);
  const [first] = inputs;
  const folder = target ?? join(dirname(path), `${basename(path)}_labels`);
  const pairs =
    inputs.length === 1 && first!.path === path
      ? [pairOne(first!, target, format)]
      : inputs.map((one): PredictionPair => {
          return { input: one, output: join(folder, labelName(one, path, format)), format: format ?? 'nifti' };
        });
  assertSeparate(pairs, path);
  return pairs;
}
