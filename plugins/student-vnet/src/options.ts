import { z } from 'zod';

const count = z.int().min(1);

/** Convolutions of each level from the finest down, where the options do not say: 1, 2, 3, 3, 3 ... */
function usualConvolutions(levels: number): readonly number[] {
  return Array.from({ length: levels }, (_, index) => Math.min(index + 1, 3));
}

/** Options of the V-Net. The defaults are the network of the Synapse and AMOS benchmarks (method.md §2.5). */
export const optionsSchema = z
  .strictObject({
    filters: count.default(32).describe('Channels of the finest level; each coarser level has twice as many.'),
    levels: z.int().min(2).max(7).default(5).describe('Resolutions, the finest included.'),
    encoderConvs: z.array(count).readonly().optional().describe('Convolutions per encoder level, finest first.'),
    decoderConvs: z.array(count).readonly().optional().describe('Convolutions per decoder level, coarsest first.'),
    skip: z.literal(['add', 'concat']).default('add').describe('How an encoder level joins the decoder.'),
    norm: z.literal(['batch', 'instance', 'group', 'none']).default('batch'),
    groups: count.default(16).describe('Groups of group normalisation.'),
    negativeSlope: z.number().min(0).lt(1).default(0).describe('Slope of leaky ReLU below zero; 0 is ReLU.'),
    dropout: z.number().min(0).lt(1).default(0.5).describe('Rate of the channel dropout in training.'),
    dropoutAt: z.array(z.string()).readonly().optional().describe('Features after which channels are dropped.'),
    initializer: z.literal(['kaiming-normal', 'xavier-normal']).default('kaiming-normal'),
    decay: z.literal(['all', 'filters']).default('all').describe('Parameters on which weight decay acts.'),
  })
  .transform((options) => {
    const { levels, encoderConvs = usualConvolutions(levels) } = options;
    return {
      ...options,
      encoderConvs,
      decoderConvs: options.decoderConvs ?? encoderConvs.slice(0, -1).reverse(),
      dropoutAt: options.dropoutAt ?? [`x${levels}`, `x${2 * levels - 1}`],
    };
  })
  .superRefine((options, ctx) => {
    const { levels, filters, norm, groups } = options;
    const issue = (key: string, message: string): void => ctx.addIssue({ code: 'custom', path: [key], message });
    if (options.encoderConvs.length !== levels) {
      issue('encoderConvs', `Expected ${levels} numbers, one for each level; found ${options.encoderConvs.length}`);
    }
    if (options.decoderConvs.length !== levels - 1) {
      issue(
        'decoderConvs',
        `Expected ${levels - 1} numbers, one less than levels; found ${options.decoderConvs.length}`,
      );
    }
    if (norm === 'group' && filters % groups !== 0) {
      issue('groups', `Expected a divisor of the ${filters} filters; found ${groups}`);
    }
    for (const name of options.dropoutAt) {
      const place = /^x([1-9]\d*)$/.exec(name)?.[1];
      if (place === undefined || Number(place) > 2 * levels - 1) {
        issue('dropoutAt', `Expected features from x1 to x${2 * levels - 1}; found "${name}"`);
      }
    }
  });

/** Options with every default filled in. */
export type VnetOptions = z.output<typeof optionsSchema>;

/** Options of the V-Net with two decoders. The defaults are those of method.md §4.13. */
export const dualOptionsSchema = z.strictObject({
  network: optionsSchema.prefault({}).describe('The V-Net: encoder, and the shape of each decoder.'),
  average: z
    .number()
    .min(0)
    .lt(1)
    .default(0.99)
    .describe('Share that the second decoder, and each main head, keeps of itself in a step.'),
});

/** Options with every default filled in. */
export type DualVnetOptions = z.output<typeof dualOptionsSchema>;
