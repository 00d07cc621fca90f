import type { DataProblem } from '@dinomix/core';
import { checkCases } from '@dinomix/core/dataset';
import { openFolder } from './folder.js';
import { type NnunetInput, optionsSchema } from './options.js';

/**
 * Yields every problem of a data set, file by file, without stopping at the first: what is wrong with dataset.json, the
 * file names and the split; then what is wrong with the cases. The label of an unlabelled case is not opened.
 *
 * @throws ZodError when the options themselves are wrong.
 */
export async function* checkDataset(input: NnunetInput): AsyncGenerator<DataProblem> {
  const options = optionsSchema.parse(input);
  const { root, document, cases, splits, format, problems } = await openFolder(options);
  yield* problems;
  if (document === null) return;
  const { tolerance, unlabelled: hidden } = options;
  const isCt = document.channels[options.channel]?.toUpperCase() === 'CT';
  yield* checkCases({
    root,
    cases,
    splits,
    classes: document.classes,
    format: format.format,
    tolerance,
    hidden,
    isCt: () => isCt,
  });
}
