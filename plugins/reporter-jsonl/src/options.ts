import { z } from 'zod';

export const optionsSchema = z.strictObject({
  file: z
    .string()
    .regex(/^[A-Za-z0-9._-]+$/, 'a plain file name, without folders')
    .default('events.jsonl')
    .describe('File name inside the run folder.'),
  slices: z.boolean().default(false).describe('Write the pictures of slices too; they are large.'),
});

export type JsonLinesOptions = z.infer<typeof optionsSchema>;
