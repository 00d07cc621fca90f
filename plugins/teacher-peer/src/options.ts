import { z } from 'zod';

/** Options of the peer teacher. The defaults are cross pseudo supervision as in DHC. */
export const optionsSchema = z.strictObject({
  mode: z
    .literal(['shared', 'training', 'evaluation'])
    .default('shared')
    .describe(
      'What the teaching student says: in its own pass of the step, or in one more pass as it trains, or without dropout and with running statistics. Mixers that paste by pseudo-labels need one more pass.',
    ),
  looksAt: z
    .array(z.literal(['labelled', 'unlabelled']))
    .min(1)
    .readonly()
    .default(['labelled', 'unlabelled'])
    .describe('Parts of the batch that get pseudo-labels.'),
});

/** Options with every default filled in. */
export type PeerOptions = z.output<typeof optionsSchema>;
