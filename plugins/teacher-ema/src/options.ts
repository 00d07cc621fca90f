import { z } from 'zod';

/** Options of the mean teacher. The defaults are those of method.md §1.3. */
export const optionsSchema = z.strictObject({
  decay: z.number().min(0).lt(1).default(0.99).describe('Largest share of the old weights that is kept in a step.'),
  warmUp: z
    .union([z.literal(['step', 'epoch']), z.literal(false)])
    .default('step')
    .describe('Whether the share grows as 1 - 1 / (n + 1), n the step or the epoch, until it reaches the decay.'),
  buffers: z
    .literal(['average', 'copy'])
    .default('average')
    .describe('Running statistics of normalisation: averaged as the weights, or those of the student.'),
  mode: z
    .literal(['evaluation', 'training'])
    .default('evaluation')
    .describe('Forward pass: running statistics and no dropout, or batch statistics and dropout.'),
  noise: z
    .strictObject({ deviation: z.number().gt(0), limit: z.number().gt(0) })
    .nullable()
    .default(null)
    .describe('Normal noise that is added to the normalised image, cut off at the limit; null adds none.'),
  uncertaintyPasses: z
    .int()
    .min(0)
    .max(64)
    .default(0)
    .describe('Further noisy passes, whose mean gives the map `uncertainty`, its entropy; 0 gives no map.'),
  evaluate: z.boolean().default(true).describe('Whether the averaged weights are tested and exported by default.'),
  looksAt: z
    .array(z.literal(['labelled', 'unlabelled']))
    .min(1)
    .readonly()
    .default(['unlabelled'])
    .describe('Parts of the batch that get pseudo-labels.'),
});

/** Options with every default filled in. */
export type EmaOptions = z.output<typeof optionsSchema>;
