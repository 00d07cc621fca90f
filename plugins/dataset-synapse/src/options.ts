import { folderOptions, labelledOption, samplingOptions, splitFileOption } from '@dinomix/data';
import { z } from 'zod';

/** Options of the Synapse benchmark. */
export const optionsSchema = z.strictObject({
  ...folderOptions,
  ...samplingOptions,
  root: z.string().min(1).describe('Folder with RawData/Training/img and label, or with imagesTr and labelsTr.'),
  split: z
    .union([z.literal(['skcdf', 'genericssl', 'dhc-2023', 'drawn']), splitFileOption])
    .default('skcdf')
    .describe('A published split, "drawn" for one from the seed, or a JSON file.'),
  labelled: labelledOption
    .default(0.2)
    .describe('Share of the training cases with a label; published splits have lists for 0.1, 0.2 and 0.4.'),
  recipe: z
    .literal(['p1', 'p2', 'respaced'])
    .default('p1')
    .describe('Preprocessing and crops: the first or second protocol, or one for new data.'),
});

/** Options with every default filled in. */
export type SynapseOptions = z.output<typeof optionsSchema>;

/** Options as they are written in a config. */
export type SynapseInput = z.input<typeof optionsSchema>;
