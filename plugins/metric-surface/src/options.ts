import { z } from 'zod';

const measures = ['asd', 'assd', 'hd95', 'nsd'] as const;

export const optionsSchema = z.strictObject({
  measures: z
    .array(z.enum(measures))
    .min(1)
    .default([...measures])
    .describe('Which columns to give, in this order.'),
  unit: z.enum(['mm', 'voxel']).default('mm').describe("'voxel' ignores the spacing, as the published P1 scripts do."),
  hausdorff: z
    .enum(['medpy', 'monai'])
    .default('medpy')
    .describe(
      "'medpy': 95th percentile of both directions together; 'monai': the larger of the two directed percentiles.",
    ),
  tolerance: z
    .number()
    .positive()
    .default(1)
    .describe('NSD: distance within which two surfaces agree, in the unit above.'),
  empty: z
    .enum(['p1', 'undefined'])
    .default('undefined')
    .describe("'p1': distance 128 where one side lacks the class, 0 where both do; 'undefined' leaves both out."),
});

export type SurfaceOptions = z.infer<typeof optionsSchema>;
