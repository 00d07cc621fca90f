import { z } from 'zod';

/** The plugin has no options. */
export const optionsSchema = z.strictObject({});
