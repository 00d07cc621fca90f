import { z } from 'zod';

const view = z.literal(['labelled', 'mixed-labelled', 'mixed-unlabelled']);

/** Options of the supervised loss. The defaults are L_sup of method.md §1.3. */
export const optionsSchema = z.strictObject({
  views: z.array(view).min(1).readonly().default(['labelled', 'mixed-labelled']).describe('Views that are summed.'),
  crossEntropy: z.number().min(0).default(1).describe('Factor of the cross-entropy.'),
  normalise: z
    .literal(['weights', 'voxels', 'kept'])
    .default('weights')
    .describe(
      'Divisor of the cross-entropy: the class weights of all voxels, their number, or the weights that count.',
    ),
  dice: z.number().min(0).default(1).describe('Factor of 1 - mean soft Dice.'),
  smooth: z.number().min(0).default(1).describe('Added to numerator and denominator of each Dice.'),
  background: z.boolean().default(false).describe('Whether class 0 counts in Dice.'),
  classWeights: z
    .literal(['both', 'cross-entropy', 'none'])
    .default('both')
    .describe('Where the class weights of weighters act.'),
});

/** Options with every default filled in. */
export type DiceCeOptions = z.output<typeof optionsSchema>;
