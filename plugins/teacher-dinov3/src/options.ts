import { z } from 'zod';

const count = z.int().min(1);
const channel = z.tuple([z.number(), z.number(), z.number()]).readonly();

/** Options of the DINOv3 teacher. The defaults are those of method.md §1.4. */
export const optionsSchema = z.strictObject({
  model: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe(
      'Path of a DINOv3 ONNX file or its folder, from the folder of the config; null takes a network of the same architecture with random weights.',
    ),
  input: z.string().min(1).nullable().default(null).describe('Name of the image input; null takes the only one.'),
  output: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('Output or inner tensor with tokens [b, t, c] or a map [b, c, h, w]; null looks for the tokens.'),
  patchSize: count.default(16).describe('Sides of the patches of the model, pixels.'),
  prefixTokens: z
    .int()
    .min(0)
    .nullable()
    .default(null)
    .describe('Tokens before the patches; null counts them: 0, 1 or 5.'),
  upscale: z
    .number()
    .gt(0)
    .default(2)
    .describe('Pixels for one voxel in the plane, where the model leaves the size free.'),
  axis: z
    .literal(['axial', 'coronal', 'sagittal'])
    .default('axial')
    .describe('Across which axis of the crop the slices lie: z, y or x.'),
  window: z
    .tuple([z.number(), z.number()])
    .readonly()
    .refine(([black, white]) => black < white, 'Expected black below white')
    .nullable()
    .default(null)
    .describe(
      'Intensities that are black and white, in the unit of the data (HU); null takes the display window of the data set.',
    ),
  sliceStride: count.default(8).describe('Slices for one layer of the token grid.'),
  slicesPerLayer: count.default(1).describe('Slices whose tokens are averaged for one layer, evenly spaced in it.'),
  channels: z
    .literal(['repeat', 'neighbours'])
    .default('repeat')
    .describe('Red, green and blue: the slice three times, or the slice with the ones before and after it.'),
  mean: channel.default([0.485, 0.456, 0.406]).describe('Subtracted per channel from intensities in [0, 1].'),
  deviation: channel.default([0.229, 0.224, 0.225]).describe('Divides each channel after that.'),
  subtractMean: z
    .boolean()
    .default(false)
    .describe('Whether the mean token is subtracted: of the data set with a cache, else of all tokens so far.'),
  looksAt: z
    .array(z.literal(['labelled', 'unlabelled']))
    .min(1)
    .readonly()
    .default(['labelled', 'unlabelled'])
    .describe('Parts of the batch that get tokens.'),
  slicesPerCall: count.default(8).describe('Slices that the model gets at once.'),
  threads: count.nullable().default(null).describe('Threads of ONNX Runtime; null leaves the choice to it.'),
  cache: z
    .strictObject({
      directory: z.string().min(1).nullable().default(null),
      limitGb: z.number().gt(0).default(20),
      memoryMb: z.number().min(0).default(512),
    })
    .readonly()
    .or(z.literal(false))
    .default(false)
    .describe(
      'Tokens of whole volumes, kept on the disk and sampled for each crop; false computes those of each crop.',
    ),
  control: z
    .strictObject({
      channels: count.default(96),
      blocks: count.default(3),
      heads: count.default(3),
      seed: z.int().min(0).default(0),
    })
    .readonly()
    .prefault({})
    .refine(
      ({ channels, heads }) => channels % (4 * heads) === 0,
      'Expected channels to be a multiple of 4 times the heads',
    )
    .describe('Size of the network with random weights.'),
});

/** Options with every default filled in. */
export type Dinov3Options = z.output<typeof optionsSchema>;

/** The options with absolute paths: as they are written they start from the folder of the config. */
export function withAbsolutePaths(options: Dinov3Options, resolvePath: (path: string) => string): Dinov3Options {
  const { model, cache } = options;
  const kept =
    cache === false || cache.directory === null ? cache : { ...cache, directory: resolvePath(cache.directory) };
  return { ...options, model: model === null ? null : resolvePath(model), cache: kept };
}
