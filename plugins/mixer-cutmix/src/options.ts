import { z } from 'zod';

const direction = z.literal([
  'labelled-to-labelled',
  'unlabelled-to-labelled',
  'labelled-to-unlabelled',
  'unlabelled-to-unlabelled',
]);

/** Options of CutMix. */
export const optionsSchema = z.strictObject({
  probability: z.number().min(0).max(1).default(1).describe('Probability that a crop is mixed.'),
  boxes: z.int().min(1).default(1).describe('Boxes pasted into a mixed crop.'),
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
  pseudoWeight: z.number().min(0).max(1).default(0.5).describe('Loss weight of voxels whose target is a pseudo-label.'),
});

/** Options with every default filled in. */
export type CutmixOptions = z.output<typeof optionsSchema>;
