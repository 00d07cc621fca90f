import type { Affine, AffineRow, Grid, Triple } from '@dinomix/volume';
import { createGrid } from '@dinomix/volume';
import type { ItkImage } from './protocol.js';

/**
 * The grid of an ITK image: world axes turned from LPS to RAS (rows 0 and 1 negated). An image of two axes becomes one
 * slice, 1 mm thick, of the plane z = 0.
 */
export function gridOfItk({ size, spacing, origin, direction }: Omit<ItkImage, 'data'>): Grid {
  const rank = size.length;
  const at = (row: number, axis: number): number => {
    if (row < rank && axis < rank) return direction[row * rank + axis]! * spacing[axis]!;
    return row === axis ? 1 : 0;
  };
  const rows = [-1, -1, 1].map((sign, row): AffineRow => {
    const offset = origin[row] ?? 0;
    // Adding 0 turns -0 to 0.
    return [sign * at(row, 0) + 0, sign * at(row, 1) + 0, sign * at(row, 2) + 0, sign * offset + 0];
  });
  const affine = [...rows, [0, 0, 0, 1]] as unknown as Affine;
  const shape: Triple = [size[2] ?? 1, size[1]!, size[0]!];
  return createGrid(shape, undefined, affine);
}

/** The grid as ITK describes it. */
export function itkGridOf({ shape, spacing, affine }: Grid): Omit<ItkImage, 'data'> {
  const steps = [...spacing].reverse();
  const signs = [-1, -1, 1];
  const direction = signs.flatMap((sign, row) => steps.map((step, axis) => (sign * affine[row]![axis]!) / step));
  const origin = signs.map((sign, row) => sign * affine[row]![3]);
  return { size: [...shape].reverse(), spacing: steps, origin, direction };
}

/** The largest cosine between two axes of a grid: 0 where they are at right angles. */
export function largestCosine({ affine, spacing }: Grid): number {
  const [z, y, x] = spacing;
  const cosine = (a: number, b: number, lengths: number) =>
    Math.abs(affine.slice(0, 3).reduce((sum, row) => sum + row[a]! * row[b]!, 0)) / lengths;
  return Math.max(cosine(0, 1, x * y), cosine(0, 2, x * z), cosine(1, 2, y * z));
}
