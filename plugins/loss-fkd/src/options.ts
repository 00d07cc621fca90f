import { z } from 'zod';

const view = z.literal(['labelled', 'unlabelled', 'mixed-labelled', 'mixed-unlabelled']);

/** Options of FKD. The defaults are those of method.md §1.4. */
export const optionsSchema = z.strictObject({
  teacher: z.string().min(1).default('dinov3').describe('Id of the teacher whose tokens are distilled.'),
  feature: z.string().min(1).default('x4').describe('Feature of the student that learns them.'),
  views: z.array(view).min(1).readonly().default(['labelled', 'unlabelled']).describe('Views, taken as one batch.'),
  head: z
    .literal(['linear', 'conv-norm-relu-conv'])
    .default('linear')
    .describe('Projection from the feature to the channels of the tokens.'),
  hidden: z
    .int()
    .min(1)
    .nullable()
    .default(null)
    .describe('Channels between the two convolutions; null for as many as tokens.'),
  distance: z
    .literal(['normalised-mse', 'layernorm-mse', 'cosine', 'relation'])
    .default('normalised-mse')
    .describe('What is minimised; "relation" needs no projection and has none.'),
  uniqueness: z
    .number()
    .min(0)
    .max(10)
    .default(0)
    .describe('Exponent of the weight of tokens that are unlike the rest of their crop; 0 weighs all alike.'),
});

/** Options with every default filled in. */
export type FkdOptions = z.output<typeof optionsSchema>;
