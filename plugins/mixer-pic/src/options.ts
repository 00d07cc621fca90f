import { z } from 'zod';

const direction = z.literal([
  'labelled-to-labelled',
  'unlabelled-to-labelled',
  'labelled-to-unlabelled',
  'unlabelled-to-unlabelled',
]);

/** Options of PIC. The defaults are those of method.md §1.5. */
export const optionsSchema = z.strictObject({
  probability: z.number().min(0).max(1).default(1).describe('Probability that a crop is mixed.'),
  boxes: z.int().min(1).default(1).describe('Boxes pasted into a mixed crop, each with its own class.'),
  sides: z
    .tuple([z.number().gt(0).max(1), z.number().gt(0).max(1)])
    .readonly()
    .default([0.25, 0.5])
    .refine(([low, high]) => low <= high, 'Expected the smaller share first')
    .describe('Range of each side of a box, as share of the side of the crop.'),
  directions: z
    .array(direction)
    .min(1)
    .readonly()
    .default(['labelled-to-labelled', 'unlabelled-to-labelled', 'labelled-to-unlabelled', 'unlabelled-to-unlabelled'])
    .describe('Where boxes may come from and go; a crop takes each that is possible with equal probability.'),
  donors: z
    .literal(['bank', 'batch'])
    .default('bank')
    .describe('Labelled donors: any labelled volume that has the class, or the labelled crops of the batch.'),
  placement: z
    .literal(['centred', 'uniform'])
    .default('centred')
    .describe('Crop of a bank donor: its voxel of the class in the middle, or any crop that holds it.'),
  destination: z.literal(['same', 'random']).default('same').describe('Place of the box in the mixed crop.'),
  tail: z
    .literal(['log', 'inverse-root', 'softmax'])
    .default('log')
    .describe('Tail distribution: (q + epsilon)^exponent, n^(-1/2), or exp(q / temperature).'),
  epsilon: z.number().gt(0).default(0.05).describe('Added to the rarity q of each class; "log" only.'),
  exponent: z.number().min(0).default(1).describe('Power of the rarity; "log" only.'),
  temperature: z.number().gt(0).default(0.5).describe('"softmax" only.'),
  curriculum: z
    .literal(['linear', 'quadratic', 'cosine', 'tail', 'uniform'])
    .default('linear')
    .describe(
      'How the class probability moves from the tail distribution to uniform; "tail" and "uniform" stay there.',
    ),
  curriculumLength: z.number().gt(0).max(1).default(1).describe('Share of the run after which it is uniform.'),
  statisticsDecay: z.number().min(0).lt(1).default(0.99).describe('Decay of the average of pseudo-label shares.'),
  statisticsRamp: z
    .number()
    .gt(0)
    .max(1)
    .nullable()
    .default(1)
    .describe('Share of the run over which pseudo-label shares take over for unlabelled donors; null never.'),
  pseudoWeight: z.number().min(0).max(1).default(0.5).describe('Loss weight of voxels whose target is a pseudo-label.'),
});

/** Options with every default filled in. */
export type PicOptions = z.output<typeof optionsSchema>;
