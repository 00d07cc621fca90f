import { z } from 'zod';
import { folderOptions, labelledOption } from '../folder-options.js';

const size = z.int().min(1).max(4096);
const step = z.number().gt(0).lt(1000);

const grid = z.union([
  z.literal('keep'),
  z.strictObject({ shape: z.tuple([size, size, size]).readonly() }),
  z.strictObject({ spacing: z.tuple([step, step, step]).readonly() }),
]);

/** Options of a data set in the nnU-Net raw layout; spread them into a `z.strictObject`. */
export const nnunetOptions = {
  ...folderOptions,
  root: z.string().min(1).describe('Folder with dataset.json, imagesTr and labelsTr.'),
  channel: z.int().min(0).max(9999).default(0).describe('Which channel of each case is the image.'),
  split: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('JSON file with the split, absolute or from the root; null draws one from the seed.'),
  fold: z.int().min(0).default(0).describe('Which entry of a splits_final.json.'),
  labelled: labelledOption
    .nullable()
    .default(null)
    .describe('How many training cases keep their label, as number or share; null keeps all.'),
  unlabelled: z.array(z.string()).readonly().default([]).describe('Cases whose label is never read.'),
  orientation: z.literal(['RAS', 'keep']).default('RAS').describe('Whether volumes are turned to RAS+ axes.'),
  grid: grid
    .default({ shape: [80, 160, 160] })
    .describe('Working grid [d, h, w]: keep, { shape } in voxels or { spacing } in mm.'),
  crop: z
    .strictObject({ above: z.number(), margin: z.number().min(0).default(10) })
    .nullable()
    .default(null)
    .describe('Cut to the largest part above an intensity, with a margin in mm; -500 finds the body in a CT.'),
  labelRule: z.literal(['nearest-exact', 'nearest']).default('nearest-exact').describe('How labels are resized.'),
  window: z
    .union([z.tuple([z.number(), z.number()]).readonly(), z.literal('percentiles')])
    .nullable()
    .default(null)
    .refine((value) => !Array.isArray(value) || value[0] < value[1], 'Expected the smaller bound first')
    .describe('Clip to [low, high] or to the percentiles 0.5 and 99.5; null: [-75, 275] for CT, else percentiles.'),
  normalise: z.literal(['min-max', 'z-score']).default('min-max').describe('Scaling after the clip.'),
  tail: z.array(z.string()).readonly().default([]).describe('Names of the classes that reports mark as rare.'),
  foreground: z.number().min(0).max(1).default(0).describe('Share of labelled crops centred on a foreground voxel.'),
  flips: z
    .array(z.literal([0, 1, 2]))
    .readonly()
    .default([1, 2])
    .describe('Axes flipped at random: 0 z, 1 y, 2 x.'),
} as const;

const nnunetSchema = z.strictObject(nnunetOptions);

/** The options of {@link nnunetOptions} with every default filled in. */
export type NnunetOptions = z.output<typeof nnunetSchema>;
