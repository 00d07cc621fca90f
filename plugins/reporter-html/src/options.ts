import { z } from 'zod';

export const optionsSchema = z.strictObject({
  file: z
    .string()
    .regex(/^[A-Za-z0-9._-]+$/, 'a plain file name, without folders')
    .default('report.html')
    .describe('File name inside the run folder.'),
  slices: z
    .int()
    .min(0)
    .max(64)
    .default(8)
    .describe('Test cases of which a slice is shown: the worst and the best by mean Dice.'),
  refresh: z
    .int()
    .min(0)
    .default(0)
    .describe('Seconds after which the page of a run that is still going on loads itself again; 0 never.'),
});

export type HtmlOptions = z.infer<typeof optionsSchema>;
