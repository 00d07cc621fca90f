import type { ClassInfo, Index3, InferenceSettings, TrainedImages } from '@dinomix/core';
import { z } from 'zod';

/** What a network file says beside its graph: everything between an image file and its labels. */
export interface NetworkFacts extends TrainedImages {
  /** Data set that it was trained on. */
  readonly title: string;
  /** Run and weights that it was made from, for the record. */
  readonly origin: string;
  readonly classes: readonly ClassInfo[];
  /** Window `[d, h, w]`, voxels. */
  readonly patch: Index3;
  /** Settings of the run; the command line may change them. */
  readonly inference: Pick<InferenceSettings, 'stride' | 'overlap' | 'blending' | 'batch' | 'mirror'>;
}

const count = z.int().min(1).max(4096);
const triple = z.tuple([count, count, count]).readonly();
/** Voxels of a grid or of a batch of windows: 512 per axis. More could not be computed, and a damaged file may name any number. */
const MOST_VOXELS = 2 ** 27;
const voxels = ([depth, height, width]: Index3) => depth * height * width;
const grid = triple.refine((shape) => voxels(shape) <= MOST_VOXELS, `Expected at most ${MOST_VOXELS} voxels`);
/** Whether voxels lie between windows that begin this far apart. */
export const leavesGaps = (patch: Index3, stride: Index3) => stride.some((step, axis) => step > patch[axis]!);
const finite = z.number();
const step = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('clip'), low: finite, high: finite }),
  z.strictObject({ kind: z.literal('clip-percentiles'), low: finite, high: finite }),
  z.strictObject({ kind: z.literal('min-max') }),
  z.strictObject({ kind: z.literal('z-score') }),
  z.strictObject({ kind: z.literal('affine'), subtract: finite, divide: finite }),
]);
const byte = z.int().min(0).max(255);
const lengths = z.tuple([finite, finite, finite]).readonly();
const range = z.tuple([lengths, lengths]).readonly();
const reading = z.strictObject({
  channel: z.int().min(0).max(9999).nullable(),
  channelNames: z.array(z.string()).max(10_000).readonly(),
  isHu: z.boolean(),
  frame: z.int().min(0).nullable(),
  geometry: z.literal(['sform', 'qform']).nullable(),
  replaceNonFinite: finite.nullable(),
  spacingTolerance: z.number().min(0).max(0.5).nullable(),
  series: z.record(z.string(), z.string()).readonly(),
});

const schema = z.strictObject({
  title: z.string(),
  origin: z.string(),
  classes: z
    .array(
      z.strictObject({
        index: byte,
        name: z.string(),
        colour: z.tuple([byte, byte, byte]).readonly(),
        tail: z.boolean(),
      }),
    )
    .min(2)
    .max(256)
    .refine(
      (classes) => classes.every(({ index }, place) => index === place),
      'Expected classes in the order 0, 1, ...',
    )
    .readonly(),
  preprocessing: z.strictObject({
    orientation: z.literal(['RAS', 'keep']),
    crop: z
      .strictObject({ above: finite, margin: z.number().min(0) })
      .nullable()
      .exactOptional(),
    grid: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('keep') }),
      z.strictObject({ kind: z.literal('shape'), shape: grid }),
      z.strictObject({
        kind: z.literal('spacing'),
        spacing: z.tuple([z.number().gt(0), z.number().gt(0), z.number().gt(0)]).readonly(),
      }),
    ]),
    labelRule: z.literal(['nearest', 'nearest-exact']).exactOptional(),
    normalisation: z.strictObject({
      steps: z.array(step).readonly(),
      display: z.tuple([finite, finite]).readonly(),
    }),
  }),
  axes: z
    .string()
    .regex(/^(?=.*[RL])(?=.*[AP])(?=.*[SI])[RLAPSI]{3}$/)
    .nullable(),
  reading: reading.nullable(),
  spacing: range,
  extent: range,
  patch: grid,
  padValue: finite,
  inference: z.strictObject({
    stride: triple.nullable(),
    overlap: z.number().min(0).lt(1),
    blending: z.literal(['gaussian', 'uniform']),
    batch: count,
    mirror: z.array(z.literal([0, 1, 2])).readonly(),
  }),
});

const factsSchema = schema
  .refine(({ patch, inference }) => inference.batch * voxels(patch) <= MOST_VOXELS, {
    path: ['inference', 'batch'],
    message: `Expected windows of at most ${MOST_VOXELS} voxels together`,
  })
  .refine(({ patch, inference: { stride } }) => stride === null || !leavesGaps(patch, stride), {
    path: ['inference', 'stride'],
    message: 'Expected at most the patch along every axis',
  }) satisfies z.ZodType<NetworkFacts>;

/** Key in the file's metadata. */
const KEY = 'network';

/** The facts as strings for a network file. Class names stand beside them for readers that know nothing of DinoMix. */
export function encodeFacts(facts: NetworkFacts): Readonly<Record<string, string>> {
  const names = facts.classes.map(({ index, name }) => `${index} ${name}`).join(', ');
  return { [KEY]: JSON.stringify(facts), classes: names };
}

/** Reads the facts back. @throws Error saying what is missing or wrong. */
export function decodeFacts(metadata: Readonly<Record<string, string>>): NetworkFacts {
  const text = metadata[KEY];
  if (text === undefined) throw new Error(`it says nothing about classes and preprocessing: "${KEY}" is missing`);
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    throw new Error(`its "${KEY}" is not JSON`);
  }
  const parsed = factsSchema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new Error(`its "${KEY}" is wrong: ${issues.join('; ')}`);
}
