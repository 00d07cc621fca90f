import type { DataProblem } from '@dinomix/core';
import { checkNnunetFolder } from '@dinomix/data';
import { layoutOf } from './layout.js';
import { type ItkInput, optionsSchema } from './options.js';

/**
 * Yields every problem of a data set, file by file, without stopping at the first. The label of an unlabelled case is not
 * opened.
 *
 * @throws ZodError when the options themselves are wrong.
 */
export async function* checkDataset(input: ItkInput): AsyncGenerator<DataProblem> {
  const options = optionsSchema.parse(input);
  yield* checkNnunetFolder(options, layoutOf(options));
}
