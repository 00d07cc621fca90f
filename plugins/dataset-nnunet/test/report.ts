import type { DataProblem } from '@dinomix/core';
import { checkDataset } from '../src/check.js';
import type { NnunetInput } from '../src/options.js';

/** What the check finds, but for parts that the few cases of a test leave empty. */
export async function problemsOf(root: string, more: Partial<NnunetInput> = {}): Promise<DataProblem[]> {
  const found: DataProblem[] = [];
  for await (const problem of checkDataset({ root, validation: 0, test: 0, ...more })) found.push(problem);
  return found
    .filter(({ message }) => !/no case is in the part/.test(message))
    .map((problem) => ({
      ...problem,
      file: problem.file.replace(root, '.'),
      message: problem.message.replaceAll(root, '.'),
    }));
}

/** `severity file: message` of every problem, files from the root. */
export async function reportOf(root: string, more: Partial<NnunetInput> = {}): Promise<string[]> {
  return (await problemsOf(root, more)).map(({ severity, file, message }) => `${severity} ${file}: ${message}`);
}
