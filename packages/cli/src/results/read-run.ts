import { basename, join } from 'node:path';
import type { EvaluationReport } from '@dinomix/core';
import { readRegularFile } from '@dinomix/volume';
import { z } from 'zod';
import { usageError } from '../errors.js';

/** What a table needs of a run. */
export interface EvaluatedRun {
  readonly directory: string;
  /** Name in the config: runs that differ in the seed share it. */
  readonly method: string;
  readonly seed: number;
  /** Title of the data set with its split and recipe. */
  readonly dataset: string;
  readonly report: EvaluationReport;
}

const number = z.number().nullable();
const reportSchema = z.object({
  role: z.enum(['validation', 'test']),
  columns: z
    .array(
      z.object({
        name: z.string(),
        title: z.string(),
        unit: z.enum(['ratio', 'mm', 'voxel']),
        better: z.enum(['higher', 'lower']),
        definition: z.string().optional(),
        empty: z.string().optional(),
      }),
    )
    .min(1),
  perClass: z.record(z.string(), z.array(number)),
  mean: z.record(z.string(), number),
  tail: z.record(z.string(), number),
  collapsed: z.array(z.number()).optional(),
  classes: z.array(z.object({ index: z.number(), name: z.string(), tail: z.boolean() })).optional(),
  weights: z.string(),
});
const recordSchema = z.object({
  run: z.object({ seed: z.number() }),
  config: z.object({ name: z.string() }),
  dataset: z.object({ title: z.string() }),
});

async function readJson<T>(directory: string, name: string, schema: z.ZodType<T>, cure: string): Promise<T> {
  try {
    return schema.parse(JSON.parse(await readRegularFile(join(directory, name), 'utf8')));
  } catch (cause) {
    const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    const reason = isMissing ? `it has no ${name}${cure}` : `${name} is damaged or of another version`;
    throw usageError('DMX_CLI_RUN_FOLDER', { directory, reason });
  }
}

/**
 * Reads the evaluation of a run.
 * @throws DMX_CLI_RUN_FOLDER where the folder has none.
 */
export async function readRun(directory: string, split: 'validation' | 'test'): Promise<EvaluatedRun> {
  const cure = `; make it with "dinomix eval ${basename(directory)} --split ${split}"`;
  const report = await readJson(directory, `evaluation-${split}.json`, reportSchema, cure);
  const { run, config, dataset } = await readJson(directory, 'record.json', recordSchema, '');
  return {
    directory,
    method: config.name,
    seed: run.seed,
    dataset: dataset.title,
    report: { ...report, cases: [] } as EvaluationReport,
  };
}
