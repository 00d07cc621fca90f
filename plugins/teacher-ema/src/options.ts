import { z } from 'zod';

/** Options of the mean teacher. The defaults are those of method.md §1.3. */
export const optionsSchema = z.strictObject({
  decay: z.number().min(0).lt(1).default(0.99).describe('Largest share of the old weights that is kept in a step.'),
  warmUp: z
    .boolean()
    .default(true)
    .describe('Whether the share grows as 1 - 1 / (step + 1) until it reaches the decay.'),
  buffers: z
    .literal(['average', 'copy'])
    .default('average')
    .describe('Running statistics of normalisation: averaged as the weights, or those of the student.'),
  mode: z
    .literal(['evaluation', 'training'])
    .default('evaluation')
    .describe('Forward pass: running statistics and no dropout, or batch statistics and dropout.'),
  looksAt: z
    .array(z.literal(['labelled', 'unlabelled']))
    .min(1)
    .readonly()
    .default(['unlabelled'])
    .describe('Parts of the batch that get pseudo-labels.'),
});

/** Options with every default filled in. */
export type EmaOptions = z.output<typeof optionsSchema>;
