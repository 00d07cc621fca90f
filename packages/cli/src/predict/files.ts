import { statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { usageError } from '../errors.js';
import type { CaseImage } from './case-images.js';
import { NIFTI_ENDING } from './inputs.js';

/** How labels are written. `seg` is a DICOM segmentation. */
export const LABEL_FORMATS = ['nifti', 'nrrd', 'mha', 'seg'] as const;
export type LabelFormat = (typeof LABEL_FORMATS)[number];

/** One image to predict and where its labels go. Absolute paths. */
export interface PredictionPair {
  readonly input: CaseImage;
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
/** The name of labels: NIFTI images keep their ending. */
function labelName({ name, path, kind }: CaseImage, format: LabelFormat | null): string {
  const kept = kind === 'nifti' && (format ?? 'nifti') === 'nifti' ? NIFTI_ENDING.exec(path)?.[0] : undefined;
  return `${name}${kept ?? ENDINGS[format ?? 'nifti']}`;
}

function pairOne(input: CaseImage, out: string | null, format: LabelFormat | null): PredictionPair {
  const ending = ENDINGS[format ?? 'nifti'];
  if (out === null) {
    const output = join(dirname(input.path), `${input.name}_labels${ending}`);
    return { input, output, format: format ?? 'nifti' };
  }
  const named = isFolder(out) ? null : formatOfName(out);
  if (named === null) {
    return { input, output: join(out, labelName(input, format)), format: format ?? 'nifti' };
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
 * Where the labels of each image go.
 *
 * @param path - what was named: one of the images, or the folder that holds them. Absolute.
 * @param out - a file or folder; null writes `<name>_labels.nii.gz` beside an image, and to `<folder>_labels` for several.
 * @param format - null takes that of the name `out`, or else NIfTI
 * @throws DMX_CLI_INPUT where a result would replace an input, or a DICOM segmentation has no series; DMX_CLI_OPTIONS where
 *   name and format disagree.
 */
export function pairFiles(
  images: readonly CaseImage[],
  path: string,
  out: string | null,
  format: LabelFormat | null,
): readonly PredictionPair[] {
  const target = out === null ? null : resolve(out);
  const [first] = images;
  const folder = target ?? join(dirname(path), `${basename(path)}_labels`);
  const pairs =
    images.length === 1 && first!.path === path
      ? [pairOne(first!, target, format)]
      : images.map((one): PredictionPair => {
          return { input: one, output: join(folder, labelName(one, format)), format: format ?? 'nifti' };
        });
  assertSeparate(pairs, path);
  return pairs;
}
