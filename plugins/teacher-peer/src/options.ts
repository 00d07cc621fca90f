import { z } from 'zod';

/** Options of the peer teacher. The defaults are cross pseudo supervision as in DHC. */
export const optionsSchema = z.strictObject({
  mode: z
    .literal(['training', 'evaluation'])
    .default('training')
    .describe('Forward pass of the teaching student: as it trains, or with running statistics and without dropout.'),
  looksAt: z
    .array(z.literal(['labelled', 'unlabelled']))
    .min(1)
    .readonly()
    .default(['labelled', 'unlabelled'])
    .describe('Parts of the batch that get pseudo-labels.'),
});

/** Options with every default filled in. */
export type PeerOptions = z.output<typeof optionsSchema>;
