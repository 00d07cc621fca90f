import { z } from 'zod';

/** Options of the plugin. Device and threads are those of the run. */
export const optionsSchema = z.strictObject({
  folder: z
    .string()
    .min(1)
    .optional()
    .describe('Folder whose node_modules holds @tensorflow/tfjs-node or -gpu, where they are not beside this package.'),
});
