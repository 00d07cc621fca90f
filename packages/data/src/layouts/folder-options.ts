import type { SlotContext } from '@dinomix/core';
import { z } from 'zod';

const share = z.number().min(0).lt(1);

/** Options of every data set that reads a folder of image and label files; spread them into a `z.strictObject`. */
export const folderOptions = {
  root: z.string().min(1).describe('Folder of the data set, from that of the config.'),
  seed: z.int().min(0).default(0).describe('Seed of a drawn split; not that of the run.'),
  validation: share.default(0.15).describe('Share of the cases with a label that a drawn split validates on.'),
  test: share
    .nullable()
    .default(null)
    .describe(
      'Share of the cases with a label that a drawn split tests on; null: 0 where the layout keeps cases for testing, else 0.2.',
    ),
  patient: z
    .string()
    .nullable()
    .default(null)
    .describe('Regular expression whose first group is the patient in a case id; null: each case is a patient.'),
  geometry: z
    .literal(['sform', 'qform'])
    .nullable()
    .default(null)
    .describe('The matrix to use where the two of a file disagree; null makes that an error.'),
  tolerance: z.number().min(0).default(0.01).describe('Largest difference of the affines of image and label.'),
  labelValues: z
    .record(z.string().regex(/^(?:0|[1-9]\d{0,4})$/), z.int().min(0).max(255))
    .readonly()
    .default({})
    .describe('Class by value in the label files where values are not the numbers of classes: { 255: 1 }.'),
  replaceNonFinite: z
    .number()
    .nullable()
    .default(null)
    .describe('Stands in for NaN and infinite intensities; null makes them an error.'),
  cache: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('Folder that keeps prepared volumes, from that of the config.'),
} as const;

/** The options with absolute folders: as they are written they start from the folder of the config. */
export function withAbsoluteFolders<O extends Pick<FolderOptions, 'root' | 'cache'>>(
  options: O,
  { resolvePath }: Pick<SlotContext, 'resolvePath'>,
): O {
  const { root, cache } = options;
  return { ...options, root: resolvePath(root), cache: cache === null ? null : resolvePath(cache) };
}

/** Number of training cases that keep their label. */
export const labelledOption = z.union([z.int().min(1), z.number().gt(0).lt(1)]);

/** Options of a benchmark that change how its crops are drawn. */
export const samplingOptions = {
  augmentation: z
    .literal(['recipe', 'strong'])
    .default('recipe')
    .describe("'strong' takes the strong augmentation of A&D in place of the flips of the recipe."),
  swapSides: z
    .boolean()
    .default(false)
    .describe('Exchanges left and right organs in labels that are flipped along x; published protocols do not.'),
} as const;

/** A JSON file with a split. */
export const splitFileOption = z.string().endsWith('.json');

const folderSchema = z.strictObject(folderOptions);

/** The options of {@link folderOptions} with every default filled in. */
export type FolderOptions = z.output<typeof folderSchema>;
