import { z } from 'zod';

/** Options of the selector by uncertainty. The defaults are those of method.md §4.2. */
export const optionsSchema = z.strictObject({
  map: z.string().min(1).default('uncertainty').describe('Name of the map of a teacher, with one channel.'),
  from: z.number().min(0).default(0.75).describe('Threshold at the beginning, in units of `unit`.'),
  to: z.number().min(0).default(1).describe('Threshold at the end of the ramp, in units of `unit`.'),
  unit: z.number().gt(0).default(Math.LN2).describe('Unit of the thresholds: ln 2 for an entropy, as published.'),
  length: z.number().gt(0).max(1).default(1).describe('Share of the run after which the last threshold is reached.'),
});

/** Options with every default filled in. */
export type UncertaintyOptions = z.output<typeof optionsSchema>;
