import type { RunEvent } from '@dinomix/core';
import { z } from 'zod';

/*
 * The parts of events that the report reads, checked where they come from a file. What a newer version adds is dropped, and
 * kinds of events that are not known here are passed over.
 */

const count = z.int().min(0);
/** JSON has no NaN: what was not a number is null in the file. */
const number = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN);
const values = z.array(z.number().nullable()).max(4096);
const vector = z.array(number).max(4096);
const text = z.string();

const position = z.object({
  epoch: count,
  step: count,
  stepInEpoch: count,
  epochs: z.int().min(1),
  stepsPerEpoch: z.int().min(1),
});

const step = z.object({
  position,
  loss: number,
  terms: z.record(text, z.object({ value: number, weight: number, parts: z.record(text, number) })),
  learningRate: number,
  stepMs: number,
  classWeights: z.record(text, vector),
  pseudoDice: z.record(text, values),
  targetVoxels: z.object({ truth: vector, pseudo: vector }),
  reports: z.record(text, z.record(text, z.object({ unit: z.enum(['share', 'count', 'value']), values: vector }))),
});

const columns = z.array(
  z.object({
    name: text,
    title: text,
    unit: z.enum(['ratio', 'mm', 'voxel']),
    better: z.enum(['higher', 'lower']),
    definition: text.optional(),
    empty: text.optional(),
  }),
);

const caseResult = z.object({
  caseId: text,
  role: z.enum(['validation', 'test']),
  values: z.record(text, values),
  seconds: number,
});

const evaluation = z.object({
  role: z.enum(['validation', 'test']),
  columns,
  cases: z.array(caseResult),
  perClass: z.record(text, values),
  mean: z.record(text, z.number().nullable()),
  tail: z.record(text, z.number().nullable()),
  collapsed: z.array(count).optional(),
  weights: text,
});

const epoch = z.object({
  position,
  loss: number,
  terms: z.record(text, number),
  learningRate: number,
  seconds: number,
  validation: evaluation.nullable(),
});

const sides = z.tuple([z.int().min(1).max(8192), z.int().min(1).max(8192)]);
const slice = z.object({
  caseId: text,
  sliceIndex: count,
  shape: sides,
  spacing: z.tuple([z.number().positive(), z.number().positive()]),
  orientation: z.enum(['RAS', 'keep']).optional(),
  image: text,
  prediction: text,
  reference: text.nullable(),
});

const byte = z.int().min(0).max(255);
const roles = ['labelled', 'unlabelled', 'validation', 'test'] as const;
const json = z.record(text, z.json());

const outcome = z.object({
  status: z.enum(['completed', 'stopped', 'interrupted', 'failed']),
  reason: text,
  position: position.nullable(),
  error: json.nullable(),
  seconds: number,
  peakMb: number,
  fallbackKernels: z.record(text, number),
});

/** The record of a run as far as the report reads it. */
export const recordSchema = z.object({
  run: z.object({ id: text, seed: z.number(), directory: text, configHash: text }),
  config: json,
  packages: z.record(text, text),
  node: text,
  platform: text,
  backend: z.object({ name: text, device: text, facts: json }),
  teachers: z.record(text, text),
  dataset: z.object({
    title: text,
    classes: z
      .array(z.object({ index: count, name: text, colour: z.tuple([byte, byte, byte]), tail: z.boolean() }))
      .max(4096),
    splits: z.object(Object.fromEntries(roles.map((role) => [role, z.array(text)]))),
    labelledVoxels: z.array(z.number()),
    fingerprint: z.object({
      digest: text,
      cases: z.record(text, z.object({ image: text, label: text.nullable() })),
    }),
  }),
  patch: z.tuple([count, count, count]),
  images: json.optional(),
  passes: z.object({ mode: text, batchStatistics: text, runningStatistics: text }).optional(),
  licences: z.record(text, text),
  predictCommand: text,
  outcome: outcome.nullable(),
});

const time = text;
const eventSchema = z.discriminatedUnion('type', [
  z.object({ time, type: z.literal('run.start'), record: recordSchema }),
  z.object({ time, type: z.literal('step'), report: step }),
  z.object({ time, type: z.literal('epoch'), report: epoch }),
  z.object({ time, type: z.literal('case'), result: caseResult }),
  z.object({ time, type: z.literal('evaluation'), report: evaluation }),
  z.object({ time, type: z.literal('slice'), slice }),
  z.object({ time, type: z.literal('checkpoint'), path: text, position, best: z.boolean() }),
  z.object({ time, type: z.literal('warning'), message: text, plugin: text.nullable() }),
  z.object({ time, type: z.literal('run.end'), outcome }),
]);

const KINDS: ReadonlySet<unknown> = new Set(eventSchema.options.map(({ shape }) => shape.type.value));

/** Checks an event. @returns the event, null for one of an unknown kind, or why it is no event. */
export function parseEvent(value: unknown): RunEvent | null | string {
  const kind = (value as { readonly type?: unknown } | null)?.type;
  if (typeof kind === 'string' && !KINDS.has(kind)) return null;
  const result = eventSchema.safeParse(value);
  if (result.success) return result.data as unknown as RunEvent;
  const [issue] = result.error.issues;
  return `It is not an event of a run: ${issue!.path.join('.') || 'event'}: ${issue!.message}.`;
}
