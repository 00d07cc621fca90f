import { z } from 'zod';

/** Options of the plugin; the device and the threads come from the run's `backend` settings. */
export const optionsSchema = z.strictObject({
  cachedGraphs: z
    .int()
    .min(1)
    .max(64)
    .default(6)
    .describe('Most compiled graphs kept at a time; each owns a memory arena.'),
  pendingLimit: z
    .int()
    .min(1)
    .default(20_000)
    .describe('Operations recorded without a read before the engine runs them by itself.'),
  recompute: z
    .boolean()
    .default(true)
    .describe('Graphs of 1 GiB or more compute what is cheap again in the backward pass: the same bits, less memory.'),
  lowering: z
    .enum(['auto', 'dense'])
    .default('auto')
    .describe("'dense' leaves out ONNX Runtime's internal channel-blocked operators even where they work."),
});

export type OnnxRuntimeOptions = z.infer<typeof optionsSchema>;
