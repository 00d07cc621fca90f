import { z } from 'zod';

const view = z.literal(['labelled', 'unlabelled', 'mixed-labelled', 'mixed-unlabelled']);
const confidence = z.number().min(0).max(1);

/** Options of the consistency loss. The defaults are L_u of method.md §1.3. */
export const optionsSchema = z
  .strictObject({
    views: z.array(view).min(1).readonly().default(['mixed-unlabelled']).describe('Views, taken as one batch.'),
    crossEntropy: z.number().min(0).default(1).describe('Factor of the cross-entropy.'),
    normalise: z
      .literal(['weights', 'voxels', 'kept'])
      .default('weights')
      .describe(
        'Divisor of the cross-entropy: the class weights of all voxels, their number, or the weights that count.',
      ),
    dice: z.number().min(0).default(1).describe('Factor of 1 - mean soft Dice.'),
    squaredError: z.number().min(0).default(0).describe('Factor of the mean squared difference of probabilities.'),
    target: z
      .literal(['hard', 'soft'])
      .default('hard')
      .describe('Target of cross-entropy and Dice: the pseudo-label, or the probabilities of the teacher.'),
    threshold: z
      .union([confidence, z.array(confidence).readonly()])
      .nullable()
      .default(null)
      .describe('Least confidence of a pseudo-label that counts: one number, one for each class, or null for any.'),
    smooth: z.number().min(0).default(1).describe('Added to numerator and denominator of each Dice.'),
    background: z.boolean().default(false).describe('Whether class 0 counts in Dice.'),
    classWeights: z
      .literal(['both', 'cross-entropy', 'none'])
      .default('both')
      .describe('Where the class weights of weighters act.'),
  })
  .superRefine((options, ctx) => {
    if (options.crossEntropy + options.dice + options.squaredError === 0) {
      const message = 'Expected at least one of crossEntropy, dice and squaredError above 0';
      ctx.addIssue({ code: 'custom', path: ['crossEntropy'], message });
    }
    const needsProbabilities = options.target === 'soft' || options.squaredError > 0;
    const mixed = options.views.filter((name) => name.startsWith('mixed'));
    if (needsProbabilities && mixed.length > 0) {
      const why = options.target === 'soft' ? 'target "soft"' : 'squaredError above 0';
      const message = `Expected clean views with ${why}: pasted ground truth has no probabilities; found ${mixed.join(', ')}`;
      ctx.addIssue({ code: 'custom', path: ['views'], message });
    }
  });

/** Options with every default filled in. */
export type ConsistencyOptions = z.output<typeof optionsSchema>;
