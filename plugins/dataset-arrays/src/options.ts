import { folderOptions, labelledOption, samplingOptions, splitFileOption } from '@dinomix/data';
import { z } from 'zod';

const { root, seed, validation, test, patient, labelValues, replaceNonFinite, cache } = folderOptions;
const size = z.int().min(1).max(4096);
const step = z.number().gt(0).lt(1000);
const name = z.string().min(1);

/** Options of a folder of npy or h5 files. */
export const optionsSchema = z.strictObject({
  root: root.describe('Folder with the arrays, or above them.'),
  classes: z
    .union([z.literal(['synapse', 'amos']), z.array(name).min(2).max(256).readonly()])
    .describe('The classes of the label values: those of a benchmark, or names with the background first.'),
  tail: z
    .array(name)
    .readonly()
    .default([])
    .describe('Classes that reports mark as rare, where `classes` lists names.'),
  folder: name.nullable().default(null).describe('Folder of the arrays, from the root; null finds it.'),
  lists: name.nullable().default(null).describe('Folder of the split lists, from the root; null finds it.'),
  split: z
    .union([z.literal(['lists', 'skcdf', 'genericssl', 'dhc-2023', 'dhc', 'drawn']), splitFileOption])
    .default('lists')
    .describe('The lists beside the arrays, a published split, "drawn" for one from the seed, or a JSON file.'),
  labelled: labelledOption
    .nullable()
    .default(null)
    .describe('Which labelled list, by its share or its number of cases; without such lists, the first of train.'),
  leaked: z
    .literal(['validation', 'training'])
    .nullable()
    .default(null)
    .describe('Which part keeps cases that a training list and the validation list share; null makes them an error.'),
  recipe: z
    .literal(['p1', 'p2', 'stored'])
    .nullable()
    .default(null)
    .describe('Intensities and crops of a protocol, or intensities as stored; null: p1 for npy, stored for h5.'),
  grid: z
    .union([z.literal('keep'), z.strictObject({ shape: z.tuple([size, size, size]).readonly() })])
    .default('keep')
    .describe('Working grid [d, h, w]: that of the arrays, or a shape to resize to.'),
  axes: z
    .literal(['zyx', 'xyz'])
    .nullable()
    .default(null)
    .describe('Order of the axes in the files; null: what the layout is known to have.'),
  spacing: z
    .tuple([step, step, step])
    .readonly()
    .nullable()
    .default(null)
    .describe('Millimetres between voxels [z, y, x], which the files do not hold; null: 1, 1, 1.'),
  image: name.default('image').describe('Name of the image in h5 files.'),
  label: name.default('label').describe('Name of the label in h5 files.'),
  seed,
  validation,
  test,
  patient,
  ...samplingOptions,
  labelValues,
  replaceNonFinite,
  cache,
});

/** Options with every default filled in. */
export type ArraysOptions = z.output<typeof optionsSchema>;

/** Options as they are written in a config. */
export type ArraysInput = z.input<typeof optionsSchema>;
