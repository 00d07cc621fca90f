import type { CaseData, CaseRole, Index3, Preprocessing } from '@dinomix/core';
import {
  type Box,
  crop,
  type Grid,
  planReorientation,
  reorient,
  resizeNearest,
  resizeTrilinear,
  type Volume,
  type VoxelArray,
  voxelAt,
  voxelCount,
} from '@dinomix/volume';
import { bodyBox } from './body-box.js';
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
  /** What was cut out of the file's volume after it was turned; null where nothing was cut. */
  readonly box: Box | null;
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

function turned<T extends VoxelArray>(volume: Volume<T>, preprocessing: Preprocessing): Volume<T> {
  return preprocessing.orientation === 'keep' ? volume : reorient(volume, planReorientation(volume));
}

/** Index of the first value that is no finite number, or -1. A callback per voxel would take longer than reading the file. */
function firstNonFinite(data: VoxelArray): number {
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return -1;
  for (let index = 0; index < data.length; index++) {
    const value = data[index]!;
    if (value - value !== 0) return index;
  }
  return -1;
}

/** @throws Error naming the first voxel that is not a finite number. */
function assertFinite(data: VoxelArray, shape: Index3): void {
  const index = firstNonFinite(data);
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
  const whole = turned(data.image, preprocessing);
  const box = preprocessing.crop == null ? null : bodyBox(whole, preprocessing.crop);
  const image = box === null ? whole : crop(whole, box);
  const shape = workingShape(image, preprocessing.grid);
  const intensities = new Float32Array(new SharedArrayBuffer(4 * voxelCount(shape)));
  const resized = resizeTrilinear(image, shape, { out: intensities });
  normalise(intensities, preprocessing.normalisation.steps);
  const place = { box, shape, classCount };
  const label = data.label === null ? null : prepareLabel(data.label, data.image, preprocessing, place);
  return { caseId, role, ...gridOf(resized), image: intensities, label, source: gridOf(data.image), box };
}

function firstNoClass(labels: Uint8Array, classCount: number): number {
  let index = 0;
  while (index < labels.length && labels[index]! < classCount) index++;
  return index;
}

function prepareLabel(
  label: Volume<Uint8Array>,
  image: Grid,
  preprocessing: Preprocessing,
  { box, shape, classCount }: { readonly box: Box | null; readonly shape: Index3; readonly classCount: number },
): Uint8Array {
  if (label.shape.some((size, axis) => size !== image.shape[axis])) {
    throw new Error(`the label has the shape [${label.shape}] and the image [${image.shape}]`);
  }
  const classes = new Uint8Array(new SharedArrayBuffer(voxelCount(shape)));
  const rule = preprocessing.labelRule ?? 'nearest-exact';
  const whole = turned(label, preprocessing);
  resizeNearest(box === null ? whole : crop(whole, box), shape, { rule, out: classes });
  const wrong = firstNoClass(classes, classCount);
  if (wrong < classes.length)
    throw new Error(`the label ${classes[wrong]} is no class: ${classCount} classes are 0 to ${classCount - 1}`);
  return classes;
}
