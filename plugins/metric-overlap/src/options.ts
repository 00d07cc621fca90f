import { z } from 'zod';

const measures = ['dice', 'jaccard', 'precision', 'recall'] as const;

const emptyRule = z.enum(['corrected', 'p1', 'p2', 'undefined']);

export const optionsSchema = z.strictObject({
  measures: z
    .array(z.enum(measures))
    .min(1)
    .default([...measures])
    .describe('Which columns to give, in this order.'),
  empty: z
    .union([emptyRule, z.array(emptyRule).min(1)])
    .default('corrected')
    .describe(
      "A class absent from prediction and reference: 'corrected' counts it as 1, 'p1' as 0.01 (the published scripts give 1 where a perfect score is 100), 'p2' as 1, or 0 where nothing at all was predicted; 'undefined' leaves it out of the means. A list gives the columns once for each rule.",
    ),
});

export type EmptyRule = z.infer<typeof emptyRule>;
export type OverlapOptions = z.infer<typeof optionsSchema>;
