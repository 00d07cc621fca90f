import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { usageError } from '../errors.js';

/** One file to predict and where its labels go. Absolute paths. */
export interface PredictionPair {
  readonly input: string;
  readonly output: string;
}

const NIFTI = /\.nii(\.gz)?$/i;

/** The name of the labels: nnU-Net's channel number `_0000` belongs to images alone. */
function labelName(file: string): string {
  return basename(file).replace(/_0000(?=\.nii(\.gz)?$)/i, '');
}

function kindOf(path: string): 'file' | 'folder' | 'nothing' {
  try {
    return statSync(path).isDirectory() ? 'folder' : 'file';
  } catch {
    return 'nothing';
  }
}

function pairsOfFolder(folder: string, out: string): readonly PredictionPair[] {
  const names = readdirSync(folder)
    .filter((name) => NIFTI.test(name) && !name.startsWith('.'))
    .sort();
  if (names.length === 0) throw usageError('DMX_CLI_INPUT', { path: folder, problem: 'It holds no NIfTI file.' });
  return names.map((name) => ({ input: join(folder, name), output: join(out, labelName(name)) }));
}

function pairOfFile(file: string, out: string | null): PredictionPair {
  if (!NIFTI.test(file))
    throw usageError('DMX_CLI_INPUT', { path: file, problem: 'Its name is not that of a NIfTI file.' });
  if (out === null) return { input: file, output: file.replace(NIFTI, '_labels.nii.gz') };
  if (NIFTI.test(out) && kindOf(out) !== 'folder') return { input: file, output: out };
  return { input: file, output: join(out, labelName(file)) };
}

/**
 * The files to predict.
 * @param out - a file or folder; null writes `<name>_labels.nii.gz` beside a file, and to `<folder>_labels` for a folder.
 * @throws DMX_CLI_INPUT where there is no input, or a result would replace an input.
 */
export function pairFiles(input: string, out: string | null): readonly PredictionPair[] {
  const path = resolve(input);
  const kind = kindOf(path);
  if (kind === 'nothing') throw usageError('DMX_CLI_INPUT', { path, problem: 'There is no such file or folder.' });
  const target = out === null ? null : resolve(out);
  const pairs =
    kind === 'folder'
      ? pairsOfFolder(path, target ?? join(dirname(path), `${basename(path)}_labels`))
      : [pairOfFile(path, target)];
  const inputs = new Set(pairs.map((pair) => pair.input));
  const seen = new Set<string>();
  for (const { output } of pairs) {
    if (inputs.has(output)) {
      throw usageError('DMX_CLI_INPUT', { path: output, problem: 'Its labels would replace it; name another output.' });
    }
    if (seen.has(output))
      throw usageError('DMX_CLI_INPUT', { path, problem: `Two files would be written to ${output}.` });
    seen.add(output);
  }
  return pairs;
}
