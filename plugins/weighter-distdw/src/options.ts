import { z } from 'zod';

/** Options of DistDW. The defaults are those of method.md §4.12. */
export const optionsSchema = z.strictObject({
  students: z
    .array(z.string())
    .min(1)
    .nullable()
    .default(null)
    .describe('Ids of the students that are weighed; null for all.'),
  momentum: z.number().min(0).lt(1).default(0.99).describe('Share of the old weights that is kept in a step.'),
  part: z
    .literal(['unlabelled', 'labelled'])
    .default('unlabelled')
    .describe('Crops on which the predictions of the student are counted.'),
});

/** Options with every default filled in. */
export type DistdwOptions = z.output<typeof optionsSchema>;
