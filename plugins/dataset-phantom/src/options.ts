import { z } from 'zod';
import { SMALLEST_SHAPE } from './classes.js';

const count = z.int().min(0).max(9999);
const side = z.int().max(1024);

/** Options of the data set of phantoms. */
export const optionsSchema = z
  .strictObject({
    classes: z
      .literal(['synapse', 'amos'])
      .default('synapse')
      .describe('Labels: the 13 organs of Synapse in an abdominal scan, or the 15 of AMOS in one with the pelvis.'),
    seed: z.int().min(0).default(0).describe('Seed of the patients and of the split; not that of the run.'),
    cases: z
      .strictObject({
        labelled: count.min(1).default(4),
        unlabelled: count.default(16),
        validation: count.default(4),
        test: count.default(6),
      })
      .prefault({})
      .describe('Number of cases in each part of the split.'),
    shape: z.tuple([side, side, side]).readonly().default([80, 160, 160]).describe('Voxels of a case [d, h, w].'),
    noise: z.number().min(0).max(200).default(12).describe('Standard deviation of the noise in HU.'),
    foreground: z
      .number()
      .min(0)
      .max(1)
      .default(0)
      .describe('Share of labelled crops centred on a foreground voxel, class drawn uniformly.'),
    flips: z
      .array(z.literal([0, 1, 2]))
      .readonly()
      .default([1, 2])
      .describe('Axes flipped at random: 0 z, 1 y, 2 x.'),
    cache: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe(
        'Folder that keeps generated cases, from that of the config; null generates them whenever they are asked for.',
      ),
  })
  .check(({ value, issues }) => {
    const smallest = SMALLEST_SHAPE[value.classes];
    if (value.shape.every((size, axis) => size >= smallest[axis]!)) return;
    const message = `Expected at least [${smallest}]: smaller volumes lose thin organs`;
    issues.push({ code: 'custom', path: ['shape'], message, input: value.shape });
  });

/** Options with every default filled in. */
export type PhantomOptions = z.output<typeof optionsSchema>;
