import { z } from 'zod';

/** Options of DiffDW. The defaults are those of method.md §4.12. */
export const optionsSchema = z.strictObject({
  students: z
    .array(z.string())
    .min(1)
    .nullable()
    .default(null)
    .describe('Ids of the students that are weighed; null for all.'),
  momentum: z
    .number()
    .min(0)
    .lt(1)
    .default(49 / 50)
    .describe('Share of the old averages that is kept in a step.'),
  exponent: z.number().min(0).default(0.2).describe('Exponent of unlearned over learned.'),
  scale: z
    .literal(['largest', 'none'])
    .default('largest')
    .describe(
      'Whether the largest weight becomes the number of classes, or weights stay as they are times that number.',
    ),
});

/** Options with every default filled in. */
export type DiffdwOptions = z.output<typeof optionsSchema>;
