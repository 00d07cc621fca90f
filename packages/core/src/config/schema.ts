import { z } from 'zod';
import type { ConfigSettings, InferenceSettings, LossWeight, TrainSettings } from './types.js';

const count = z.int().min(1);
const triple = z.tuple([count, count, count]).readonly();
// A crop of float32 has 4 GiB then; arrays end soon after.
const LARGEST_PATCH = 2 ** 30;
const patch = triple.refine(
  ([d, h, w]) => d * h * w <= LARGEST_PATCH,
  `Expected at most ${LARGEST_PATCH} voxels, the product of the three sides`,
);
const axis = z.literal([0, 1, 2]);

const train = z.strictObject({
  epochs: count.default(100),
  stepsPerEpoch: z.union([count, z.literal('auto')]).default('auto'),
  patch: patch.default([64, 128, 128]),
  batch: z
    .strictObject({ labelled: count.default(2), unlabelled: z.int().min(0).default(2) })
    .readonly()
    .prefault({}),
  passes: z.literal(['together', 'by-view', 'by-crop']).default('together'),
  clipNorm: z.number().gt(0).nullable().default(null),
  workers: z.int().min(0).max(64).default(1),
  queue: z.int().min(1).max(64).default(2),
  caseMemoryMb: z.number().min(0).default(1000),
  validateEvery: z.int().min(0).default(1),
  checkpointEvery: count.default(1),
  keepCheckpoints: count.default(2),
  patience: count.nullable().default(null),
  selectBy: z.string().min(1).default('dice'),
}) satisfies z.ZodType<TrainSettings>;

const inference = z.strictObject({
  stride: triple.nullable().default(null),
  overlap: z.number().min(0).lt(1).default(0.5),
  blending: z.literal(['gaussian', 'uniform']).default('gaussian'),
  batch: count.default(1),
  mirror: z.array(axis).readonly().default([]),
  weights: z.string().min(1).default('auto'),
}) satisfies z.ZodType<InferenceSettings>;

const sections = z.strictObject({
  name: z
    .string()
    .regex(/^[\w][\w.-]*$/, 'Expected letters, digits, ".", "_" and "-"')
    .default('run'),
  runs: z.string().min(1).default('runs'),
  seed: z.int().min(0).default(0),
  device: z.literal(['cpu', 'webgpu', 'cuda', 'auto']).default('cpu'),
  threads: count.nullable().default(null),
  train: train.prefault({}),
  inference: inference.prefault({}),
});

/**
 * Everything in a config but plugins, options and use. Strict at every level; each key has a default.
 *
 * @remarks Between windows that are further apart than they are long lie voxels that no window shows to the network: they
 * would be background.
 */
export const settingsSchema = sections.superRefine(({ train, inference }, { addIssue }) => {
  if (inference.stride === null || inference.stride.every((step, axis) => step <= train.patch[axis]!)) return;
  const message = `Expected at most train.patch along every axis, [${train.patch.join(', ')}]: voxels between windows get no class`;
  addIssue({ code: 'custom', path: ['inference', 'stride'], message });
}) satisfies z.ZodType<ConfigSettings>;

/** Weight of a loss in the config: a number, or a weight with its ramp. */
export const lossWeightSchema = z.preprocess(
  (value) => (typeof value === 'number' ? { weight: value } : value),
  z
    .strictObject({
      weight: z.number().min(0).default(1),
      ramp: z.literal(['constant', 'gaussian', 'linear', 'cosine']).default('constant'),
      per: z.literal(['epoch', 'step']).optional(),
      lag: z.int().min(0).default(0),
      length: z.number().gt(0).max(1).default(1),
      students: z.array(z.string()).min(1).nullable().default(null),
    })
    .transform(({ per, ...rest }) => ({ ...rest, per: per ?? (rest.ramp === 'gaussian' ? 'epoch' : 'step') })),
) satisfies z.ZodType<LossWeight>;

/** The sections as written in a config file, before defaults. */
export type SettingsInput = z.input<typeof settingsSchema>;

/** Top-level keys of {@link settingsSchema}. */
export const SETTING_KEYS: readonly string[] = Object.freeze(Object.keys(settingsSchema.shape));
