import { z } from 'zod';

const measures = ['dice', 'jaccard', 'precision', 'recall'] as const;

export const optionsSchema = z.strictObject({
  measures: z
    .array(z.enum(measures))
    .min(1)
    .default([...measures])
    .describe('Which columns to give, in this order.'),
  empty: z
    .enum(['p1', 'p2', 'undefined'])
    .default('undefined')
    .describe(
      "A class absent from prediction and reference: 'undefined' leaves it out of the means, 'p2' counts it as 1, 'p1' as 0.01 (the published scripts give 1 where a perfect score is 100).",
    ),
});

export type OverlapOptions = z.infer<typeof optionsSchema>;
