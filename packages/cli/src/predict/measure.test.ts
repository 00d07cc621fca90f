import { createVolume } from '@dinomix/volume';
import { expect, it } from 'vitest';
import { measure } from './predict-file.js';

it('measures sheared voxels by the determinant of the affine, not by the product of spacings', () => {
  // Columns (2, 0, 0), (1, 3, 0) and (0, 0.5, 4): determinant 24 mm³, spacings 2, √10 and √16.25 whose product is 25.5.
  const affine = [
    [2, 1, 0, 0],
    [0, 3, 0.5, 0],
    [0, 0, 4, 0],
    [0, 0, 0, 1],
  ] as const;
  const labels = createVolume({ data: Uint8Array.of(0, 1, 1, 2), shape: [1, 2, 2], affine });
  const classes = ['background', 'ball', 'bar'].map((name, index) => ({ index, name, colour: [0, 0, 0], tail: false }));
  expect(measure(labels, { classes } as never)).toEqual({
    ball: { voxels: 2, millilitres: 0.048 },
    bar: { voxels: 1, millilitres: 0.024 },
  });
});
