import { folderOptions, labelledOption, samplingOptions, splitFileOption } from '@dinomix/data';
import { z } from 'zod';

/** Options of the AMOS22 benchmark. */
export const optionsSchema = z.strictObject({
  ...folderOptions,
  ...samplingOptions,
  root: z.string().min(1).describe('Folder with imagesTr, labelsTr, imagesVa and labelsVa.'),
  split: z
    .union([z.literal(['dhc', 'drawn']), splitFileOption])
    .default('dhc')
    .describe('The published split, "drawn" for one from the seed, or a JSON file.'),
  labelled: labelledOption
    .default(0.05)
    .describe('Share of the training cases with a label; the published split has lists for 0.02, 0.05, 0.1 and 0.2.'),
  leaked: z
    .literal(['validation', 'training'])
    .default('validation')
    .describe('Which part keeps the cases that the published 20 % lists and the validation list share.'),
  modality: z
    .literal(['all', 'ct'])
    .default('all')
    .describe('"ct" leaves the MRI cases (ids above 500) out, which makes it another benchmark.'),
  recipe: z
    .literal(['p1', 'p2', 'respaced'])
    .default('p1')
    .describe('Preprocessing and crops: the first or second protocol, or one for new data.'),
});

/** Options with every default filled in. */
export type AmosOptions = z.output<typeof optionsSchema>;

/** Options as they are written in a config. */
export type AmosInput = z.input<typeof optionsSchema>;
