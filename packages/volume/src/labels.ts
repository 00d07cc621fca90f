import { VolumeError } from './errors.js';
import { type Volume, type VoxelArray, voxelAt } from './volume.js';

/** Which labels are allowed, and the names for an error message. */
export interface LabelCheck {
  /** Number of classes with the background: labels are 0 to classes - 1. At most 256. */
  readonly classes: number;
  readonly file: string;
}

/**
 * Returns a volume of class indices as uint8.
 *
 * @throws VolumeError `DMX_VOLUME_LABEL` if a value is no whole number from 0 to classes - 1; the message names the
 * file, the value, its first voxel and all other values that are out of range.
 */
export function toLabelVolume(volume: Volume, check: LabelCheck): Volume<Uint8Array> {
  const { data, shape } = volume;
  if (data instanceof Uint8Array && hasOnlyClasses(data, check.classes)) return { ...volume, data };
  const labels = data instanceof Uint8Array ? data : Uint8Array.from(data);
  const isClass = new Uint8Array(256).fill(1, 0, check.classes);
  for (let index = 0; index < data.length; index++) {
    const label = labels[index]!;
    if (isClass[label] === 0 || label !== data[index]) throw labelError(data, index, [...voxelAt(index, shape)], check);
  }
  return { ...volume, data: labels };
}

/** Whether every label is below `classes`, four voxels at a time; false where that cannot be told. */
function hasOnlyClasses(labels: Uint8Array, classes: number): boolean {
  if (classes > 128 || labels.byteOffset % 4 !== 0) return false;
  const words = new Uint32Array(labels.buffer, labels.byteOffset, labels.length >> 2);
  // Adding this to a byte below 128 sets its highest bit when it is no class.
  const excess = (128 - classes) * 0x01010101;
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!;
    if (word !== 0 && ((word | (word + excess)) & 0x80808080) !== 0) return false;
  }
  return labels.subarray(4 * words.length).every((label) => label < classes);
}

function labelError(data: VoxelArray, index: number, voxel: number[], { classes, file }: LabelCheck): VolumeError {
  const wrong = new Set<number>();
  for (const value of data.subarray(index)) {
    if (!(Number.isInteger(value) && value >= 0 && value < classes)) wrong.add(value);
    if (wrong.size === 8) break;
  }
  const others = wrong.size > 1 ? `; values out of range: ${[...wrong].sort((a, b) => a - b).join(', ')}` : '';
  return new VolumeError('DMX_VOLUME_LABEL', {
    file,
    problem: `label ${data[index]} at voxel (i, j, k) = (${voxel.reverse()}) is no class: ${classes} classes are 0 to ${classes - 1}${others}`,
    fix: 'declare all classes of the label files, or correct the file',
  });
}

/**
 * Returns how many voxels each class has: element c counts label c.
 *
 * @param classes - number of classes; labels from there on are not counted
 */
export function countLabels(labels: Uint8Array, classes: number): Float64Array {
  const histogram = new Uint32Array(256);
  for (let index = 0; index < labels.length; index++) {
    const label = labels[index]!;
    histogram[label] = histogram[label]! + 1;
  }
  return Float64Array.from(histogram.subarray(0, classes));
}
