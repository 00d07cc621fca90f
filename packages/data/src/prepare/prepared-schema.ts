import type { Box, Grid } from '@dinomix/volume';
import { z } from 'zod';
import type { PreparedMark } from './prepared-mark.js';

const index3 = z.tuple([z.int(), z.int(), z.int()]).readonly();
const real3 = z.tuple([z.number(), z.number(), z.number()]).readonly();
const row = z.tuple([z.number(), z.number(), z.number(), z.number()]).readonly();
const grid = z.object({ shape: index3, spacing: real3, affine: z.tuple([row, row, row, row]).readonly() });
const geometry = z.object({ grid, source: grid, box: z.object({ offset: index3, shape: index3 }).nullable() });
const mark = z.object({
  stamp: z.string(),
  digests: z.object({ image: z.string(), label: z.string().nullable() }),
});

/** Where the voxels of a prepared file lie, and where those of its source lay. */
export interface PreparedGeometry {
  readonly grid: Grid;
  readonly source: Grid;
  readonly box: Box | null;
}

/** Reads the entry `geometry` of a prepared file. @throws Error when it is none. */
export function parseGeometry(text: string): PreparedGeometry {
  return geometry.parse(JSON.parse(text));
}

/** Reads the entry `made` of a prepared file. @throws Error when it is none. */
export function parseMark(text: string): PreparedMark {
  return mark.parse(JSON.parse(text));
}
