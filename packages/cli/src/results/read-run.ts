import { join } from 'node:path';
import { type EvaluationReport, hashJson, type Json, shellWord } from '@dinomix/core';
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
  /** Everything that makes the method: the config without its seed and what changes no number, and the packages. */
  readonly settings: Json;
  /** Hash of classes, splits and files. */
  readonly data: string;
  /** Digests of the image and label that each case was evaluated on. */
  readonly evaluated: Readonly<Record<string, string>>;
  /** Cases whose files changed between the training and the evaluation. */
  readonly changed: readonly string[];
  /** Grid on which labels are compared. */
  readonly grid: string;
  /** What each outside teacher says of itself, such as that it is a control. */
  readonly teachers: readonly string[];
  /** How the run ended; null where it did not, or has not yet. */
  readonly status: string | null;
  readonly report: EvaluationReport;
}

const number = z.number().nullable();
const json = z.record(z.string(), z.json());
const digestsByCase = z.record(z.string(), z.object({ image: z.string(), label: z.string().nullable() }));
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
  checkpoint: z.enum(['best', 'latest']),
  data: z.object({ digest: z.string(), cases: digestsByCase }),
});

const recordSchema = z.object({
  run: z.object({ seed: z.number() }),
  config: z.looseObject({
    name: z.string(),
    train: json,
    plugins: z.array(z.looseObject({ id: z.string(), active: z.boolean(), options: json })),
  }),
  packages: json,
  teachers: z.record(z.string(), z.string()),
  dataset: z.object({
    title: z.string(),
    classes: z.array(z.object({ name: z.string() })),
    splits: json,
    fingerprint: z.object({ cases: digestsByCase }),
  }),
  images: z.object({ preprocessing: z.looseObject({}) }),
  outcome: z.object({ status: z.string() }).nullable(),
});
type StoredRecord = z.output<typeof recordSchema>;

/** Settings that change no number: batches are the same whatever they are. */
const OF_THE_MACHINE = ['workers', 'queue', 'caseMemoryMb', 'keepCheckpoints'];
/** Where files are; what is in them is known by their digests. */
const PLACES = ['root', 'cache'];

function without(value: Readonly<Record<string, unknown>>, names: readonly string[]) {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));
}

function settingsOf({ config, packages }: StoredRecord): Json {
  const plugins = config.plugins
    .filter(({ active }) => active)
    .map(({ options, ...plugin }) => {
      const own = plugin.id.startsWith('dataset:') ? without(options, PLACES) : options;
      return [plugin.id, { ...plugin, options: own }];
    });
  const rest = without(config, ['name', 'seed', 'runs', 'threads', 'train', 'plugins']);
  const train = without(config.train, OF_THE_MACHINE);
  return { ...rest, train, plugins: Object.fromEntries(plugins), packages } as Json;
}

function dataOf({ dataset: { classes, splits, fingerprint } }: StoredRecord): string {
  return hashJson({ classes: classes.map(({ name }) => name), splits, cases: fingerprint.cases });
}

function gridOf({ images: { preprocessing } }: StoredRecord): string {
  const { orientation, crop = null, grid, labelRule = null } = preprocessing;
  return JSON.stringify({ orientation, crop, grid, labelRule });
}

async function readJson<T>(directory: string, name: string, schema: z.ZodType<T>, cure: string): Promise<T> {
  try {
    return schema.parse(JSON.parse(await readRegularFile(join(directory, name), 'utf8')));
  } catch (cause) {
    const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    const reason = isMissing
      ? `it has no ${name}${cure}`
      : `${name} is damaged or of another version, and does not tell what a table must know`;
    throw usageError('DMX_CLI_RUN_FOLDER', { directory, reason });
  }
}

/**
 * Reads the evaluation of a run.
 * @throws DMX_CLI_RUN_FOLDER where the folder has none.
 */
export async function readRun(directory: string, split: 'validation' | 'test'): Promise<EvaluatedRun> {
  const cure = `; make it with: npx dinomix eval ${shellWord(directory)} --split ${split}`;
  const report = await readJson(directory, `evaluation-${split}.json`, reportSchema, cure);
  const record = await readJson(directory, 'record.json', recordSchema, '');
  const { run, config, dataset, teachers, outcome } = record;
  const digestOf = (cases: typeof report.data.cases, id: string) => hashJson(cases[id] ?? null);
  const ids = Object.keys(report.data.cases);
  return {
    directory,
    method: config.name,
    seed: run.seed,
    dataset: dataset.title,
    settings: settingsOf(record),
    data: dataOf(record),
    evaluated: Object.fromEntries(ids.map((id) => [id, digestOf(report.data.cases, id)])),
    changed: ids.filter((id) => digestOf(report.data.cases, id) !== digestOf(dataset.fingerprint.cases, id)),
    grid: gridOf(record),
    teachers: Object.values(teachers),
    status: outcome?.status ?? null,
    report: { ...report, cases: [] } as EvaluationReport,
  };
}
