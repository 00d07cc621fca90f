import { nnunetOptions } from '@dinomix/data';
import { z } from 'zod';

/** Options of a data set in the nnU-Net raw layout. */
export const optionsSchema = z.strictObject(nnunetOptions);

/** Options as they are written in a config. */
export type NnunetInput = z.input<typeof optionsSchema>;
