import { z } from 'zod';

const measures = ['asd', 'assd', 'hd95', 'nsd'] as const;

const emptyRule = z.enum(['corrected', 'p1', 'p2', 'undefined']);

export const optionsSchema = z.strictObject({
  measures: z
    .array(z.enum(measures))
    .min(1)
    .default([...measures])
    .describe('Which columns to give, in this order.'),
  unit: z.enum(['mm', 'voxel']).default('mm').describe("'voxel' ignores the spacing, as the published scripts do."),
  definition: z
    .enum(['medpy', 'monai', 'deepmind'])
    .default('medpy')
    .describe("Whose surfaces, weights and percentiles: MedPy's, MONAI's or DeepMind's surface-distance."),
  tolerance: z
    .number()
    .positive()
    .default(1)
    .describe('NSD: distance within which two surfaces agree, in the unit above.'),
  empty: z
    .union([emptyRule, z.array(emptyRule).min(1)])
    .default('corrected')
    .describe(
      "A class that one side lacks: distance 128 by 'p1' and 'p2', the volume's diagonal by 'corrected', NSD 0. One that both lack: 0, NSD 1. By 'p2' all is 0 where nothing at all was predicted. 'undefined' leaves both out of the means. A list gives the columns once for each rule.",
    ),
});

export type EmptyRule = z.infer<typeof emptyRule>;
export type SurfaceOptions = z.infer<typeof optionsSchema>;
