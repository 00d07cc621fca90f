import { VolumeError } from './errors.js';
import { affineDifference, formatAffine } from './geometry.js';
import type { Grid } from './volume.js';

/** Names of two grids in an error message. */
export interface GridNames {
  readonly first: string;
  readonly second: string;
}

/**
 * Throws `DMX_VOLUME_GRID` unless two volumes have the same shape and matrices that differ by at most `tolerance` mm.
 *
 * @remarks Use it for an image and its label; both files are named, and both shapes or matrices printed.
 */
export function assertSameGrid(first: Grid, second: Grid, names: GridNames, tolerance = 1e-3): void {
  if (first.shape.some((size, axis) => size !== second.shape[axis])) {
    throw new VolumeError('DMX_VOLUME_GRID', {
      file: names.second,
      problem: `its shape [${second.shape}] (z, y, x) is not the shape [${first.shape}] of ${names.first}`,
      fix: 'resample one onto the grid of the other, or check that the two files belong together',
    });
  }
  const difference = affineDifference(first.affine, second.affine);
  if (difference <= tolerance) return;
  throw new VolumeError('DMX_VOLUME_GRID', {
    file: names.second,
    problem:
      `its affine differs by ${difference.toPrecision(4)} from that of ${names.first}:\n` +
      `${formatAffine(second.affine)}\n ${names.first}:\n${formatAffine(first.affine)}`,
    fix: 'resample one onto the grid of the other, or copy the affine if you know that the voxels coincide',
  });
}
