import { join } from 'node:path';
import type { EvaluationReport } from '@dinomix/core';
import { writeFileAtomic } from '@dinomix/volume';

/** Writes what a split came out with to `evaluation-<split>.json` of the run folder. @returns the path. */
export async function writeEvaluation(directory: string, report: EvaluationReport): Promise<string> {
  const file = join(directory, `evaluation-${report.role}.json`);
  await writeFileAtomic(file, `${JSON.stringify(report, null, 2)}\n`);
  return file;
}
