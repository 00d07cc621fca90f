import { createRequire } from 'node:module';
import { join } from 'node:path';
import {
  type ClassInfo,
  CORE_VERSION,
  type JsonObject,
  type RunOutcome,
  type RunRecord,
  reasonOf,
  type TrainedImages,
} from '@dinomix/core';
import { readRegularFile, writeFileAtomic } from '@dinomix/volume';
import { version_core } from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { trainerError } from '../errors.js';
import { describePasses } from '../step/plan-passes.js';
import type { Training } from './assemble.js';
import { RECORD_FILE } from './record-file.js';

/** Versions of everything whose code took part. */
function packagesOf({ run }: Training): Record<string, string> {
  const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };
  const plugins = run.config.plugins
    .filter(({ active }) => active)
    .map((plugin) => [plugin.name, plugin.version] as const);
  return {
    '@dinomix/core': CORE_VERSION,
    '@dinomix/trainer': version,
    '@tensorflow/tfjs-core': version_core,
    ...Object.fromEntries(plugins),
  };
}

/**
 * The record of a run.
 * @param memory - what it was expected to take.
 * @param predictCommand - command that predicts with its network.
 */
export function makeRecord(
  training: Training,
  memory: NonNullable<RunRecord['memory']> | null,
  predictCommand: string,
): RunRecord {
  const { run, session, parts, facts, images, dataset } = training;
  const provenance = parts.teachers.flatMap(({ id, slot }) =>
    slot.provenance === null ? [] : [[id, slot.provenance] as const],
  );
  return {
    run: run.info,
    config: structuredClone(run.config) as unknown as JsonObject,
    packages: packagesOf(training),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    backend: { name: session.name, device: session.device, facts: session.facts },
    teachers: Object.fromEntries(provenance),
    dataset: facts,
    images,
    patch: run.config.train.patch,
    passes: describePasses(run.config.train.passes, parts.views),
    licences: { [dataset.title]: dataset.licence },
    memory,
    predictCommand,
    outcome: null,
  };
}

const finite = z.number();
const triple = z.tuple([finite, finite, finite]);
const range = z.tuple([triple, triple]);

/** What later commands need of a record. What is in the open parts is checked where it is used. */
const learnedSchema = z.object({
  dataset: z.object({
    title: z.string(),
    classes: z.array(z.looseObject({ index: z.int().min(0), name: z.string() })).min(1),
    fingerprint: z.object({ digest: z.string() }),
  }),
  images: z.object({
    reading: z.looseObject({}).nullable(),
    preprocessing: z.looseObject({}),
    padValue: finite,
    axes: z.string().nullable(),
    spacing: range,
    extent: range,
  }),
});

/** What a run learned from, by its record. */
export interface LearnedFrom {
  readonly title: string;
  readonly classes: readonly ClassInfo[];
  /** Digest of the data set's fingerprint. */
  readonly digest: string;
  readonly images: TrainedImages;
}

/** Reads what a run learned from. @throws DMX_RUN_RECORD where the record is not there or says something else. */
export async function readLearnedFrom(directory: string): Promise<LearnedFrom> {
  const file = join(directory, RECORD_FILE);
  try {
    const { dataset, images } = learnedSchema.parse(JSON.parse(await readRegularFile(file, 'utf8')));
    const { title, classes, fingerprint } = dataset;
    return {
      title,
      classes: classes as unknown as readonly ClassInfo[],
      digest: fingerprint.digest,
      images: images as unknown as TrainedImages,
    };
  } catch (cause) {
    throw trainerError('DMX_RUN_RECORD', { file, reason: reasonOf(cause) }, { cause });
  }
}

/**
 * Writes a record into a run folder.
 * @param directory - where the run is now; the record may name the folder that it was copied or moved from.
 */
export async function writeRecord(directory: string, record: RunRecord): Promise<void> {
  await writeFileAtomic(join(directory, RECORD_FILE), `${JSON.stringify(record, null, 2)}\n`);
}

// What distinguishes a record; its other parts are for readers.
const recordSchema = z.looseObject({ run: z.looseObject({ id: z.string() }), config: z.looseObject({}) });

/**
 * The record of a run folder; null where it has none.
 * @throws Error naming the file where it is damaged.
 */
export async function readRecord(directory: string): Promise<RunRecord | null> {
  const file = join(directory, RECORD_FILE);
  const text = await readRegularFile(file, 'utf8').catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return null;
    throw thrown;
  });
  if (text === null) return null;
  try {
    return recordSchema.parse(JSON.parse(text)) as unknown as RunRecord;
  } catch (thrown) {
    throw new Error(`${file} is damaged (${reasonOf(thrown)})`, { cause: thrown });
  }
}

/**
 * Adds to the record how the run ended; everything else in it stays as the run's first start wrote it.
 * @throws Error where it is damaged; VolumeError `DMX_FILE_WRITE`.
 */
export async function closeRecord(directory: string, outcome: RunOutcome): Promise<void> {
  const record = await readRecord(directory);
  if (record !== null) await writeRecord(directory, { ...record, outcome });
}
