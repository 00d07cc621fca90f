import type { CaseData, CaseRole, Index3, Preprocessing } from '@dinomix/core';
import {
  type Grid,
  planReorientation,
  reorient,
  resizeNearest,
  resizeTrilinear,
  type Volume,
  voxelAt,
  voxelCount,
} from '@dinomix/volume';
import { normalise } from './normalise.js';

/** One case ready for crops: whole volume, working grid, normalised. Arrays lie in shared memory. */
export interface PreparedCase extends Grid {
  readonly caseId: string;
  readonly role: CaseRole;
  /** `[d, h, w]`. */
  readonly image: Float32Array;
  /** `[d, h, w]`; null for unlabelled cases and for test cases without a reference. */
  readonly label: Uint8Array | null;
  /** Grid of the file, to which predictions are brought back. */
  readonly source: Grid;
}

/** Shape of the working grid of a volume that has the axes of the network. */
export function workingShape(source: Grid, grid: Preprocessing['grid']): Index3 {
  switch (grid.kind) {
    case 'keep':
      return source.shape;
    case 'shape':
      return grid.shape;
    case 'spacing':
      return source.shape.map((size, axis) =>
        Math.max(1, Math.round((size * source.spacing[axis]!) / grid.spacing[axis]!)),
      ) as unknown as Index3;
  }
}

function turned<T extends Float32Array | Uint8Array>(volume: Volume<T>, preprocessing: Preprocessing): Volume<T> {
  return preprocessing.orientation === 'keep' ? volume : reorient(volume, planReorientation(volume));
}

/** @throws Error naming the first voxel that is not a finite number. */
function assertFinite(data: Float32Array, shape: Index3): void {
  const index = data.findIndex((value) => !Number.isFinite(value));
  if (index < 0) return;
  const voxel = [...voxelAt(index, shape)].reverse().join(', ');
  throw new Error(`the intensity ${data[index]} at voxel (i, j, k) = (${voxel}) is not finite`);
}

function gridOf({ shape, spacing, affine }: Grid): Grid {
  return { shape, spacing, affine };
}

/**
 * Orientation, working grid, normalisation: the way of every case to the network, in training as in prediction.
 * @throws Error when an intensity is not finite, a label has another grid than its image, or a label is no class.
 */
export function prepareCase(data: CaseData, preprocessing: Preprocessing, classCount: number): PreparedCase {
  const { id: caseId, role } = data;
  assertFinite(data.image.data, data.image.shape);
  const image = turned(data.image, preprocessing);
  const shape = workingShape(image, preprocessing.grid);
  const intensities = new Float32Array(new SharedArrayBuffer(4 * voxelCount(shape)));
  const resized = resizeTrilinear(image, shape, { out: intensities });
  normalise(intensities, preprocessing.normalisation.steps);
  const label = data.label === null ? null : prepareLabel(data.label, data.image, preprocessing, shape, classCount);
  return { caseId, role, ...gridOf(resized), image: intensities, label, source: gridOf(data.image) };
}

function prepareLabel(
  label: Volume<Uint8Array>,
  image: Grid,
  preprocessing: Preprocessing,
  shape: Index3,
  classCount: number,
): Uint8Array {
  if (label.shape.some((size, axis) => size !== image.shape[axis])) {
    throw new Error(`the label has the shape [${label.shape}] and the image [${image.shape}]`);
  }
  const classes = new Uint8Array(new SharedArrayBuffer(voxelCount(shape)));
  const rule = preprocessing.labelRule ?? 'nearest-exact';
  resizeNearest(turned(label, preprocessing), shape, { rule, out: classes });
  const wrong = classes.findIndex((value) => value >= classCount);
  if (wrong >= 0)
    throw new Error(`the label ${classes[wrong]} is no class: ${classCount} classes are 0 to ${classCount - 1}`);
  return classes;
}
