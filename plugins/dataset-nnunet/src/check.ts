import type { DataProblem } from '@dinomix/core';
import { checkNnunetFolder } from '@dinomix/data';
import { LAYOUT } from './layout.js';
import { type NnunetInput, optionsSchema } from './options.js';

/**
 * Yields every problem of a data set, file by file, without stopping at the first: what is wrong with dataset.json, the
 * file names and the split; then what is wrong with the cases. The label of an unlabelled case is not opened.
 *
 * @throws ZodError when the options themselves are wrong.
 */
export async function* checkDataset(input: NnunetInput): AsyncGenerator<DataProblem> {
  yield* checkNnunetFolder(optionsSchema.parse(input), LAYOUT);
}
