import { nnunetOptions } from '@dinomix/data';
import { z } from 'zod';

/** Options of the data set: those of the nnU-Net layout, and two about DICOM series. */
export const optionsSchema = z.strictObject({
  ...nnunetOptions,
  spacingTolerance: z
    .number()
    .min(0)
    .max(0.5)
    .default(0.1)
    .describe('Largest deviation of DICOM slices from an even distance, as a share of it.'),
  series: z
    .record(z.string(), z.string().regex(/^[\d.]+$/))
    .readonly()
    .default({})
    .describe('SeriesInstanceUID by the name of a folder of imagesTr or imagesTs that holds several series.'),
});

/** Options with every default filled in. */
export type ItkOptions = z.output<typeof optionsSchema>;

/** Options as they are written in a config. */
export type ItkInput = z.input<typeof optionsSchema>;
