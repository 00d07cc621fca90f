import { VolumeError } from './errors.js';
import { type Volume, type VoxelArray, voxelAt } from './volume.js';

/** How far labels were from whole numbers. */
export interface RoundedLabels {
  /** Voxels that were no whole number. */
  readonly voxels: number;
  /** Largest distance from the whole number that was taken. */
  readonly largest: number;
}

/** Which labels are allowed, and the names for an error message. */
export interface LabelCheck {
  /** Number of classes with the background: labels are 0 to classes - 1. At most 256. */
  readonly classes: number;
  readonly file: string;
  /** Is told where labels were whole up to rounding only. */
  readonly onRounded?: (rounded: RoundedLabels) => void;
}

// Above what float32 and the slopes of a 16-bit file leave of whole numbers, below what interpolation makes.
const ROUNDING = 1e-3;
// A slope such as 12/255 puts whole numbers so far off.
const NEAR_WHOLE = 0.05;

/**
 * Returns a volume of class indices as uint8.
 *
 * @remarks Values within 1e-3 of a whole number are taken as it: files that were saved with a slope, or as real numbers, hold
 * such ones.
 * @throws VolumeError `DMX_VOLUME_LABEL` if a value is no whole number from 0 to classes - 1; the message names the
 * file, the value, its first voxel and all other values that are out of range.
 */
export function toLabelVolume(volume: Volume, check: LabelCheck): Volume<Uint8Array> {
  const { data, shape } = volume;
  if (data instanceof Uint8Array && hasOnlyClasses(data, check.classes)) return { ...volume, data };
  const labels = new Uint8Array(data.length);
  let voxels = 0;
  let largest = 0;
  for (let index = 0; index < data.length; index++) {
    const value = data[index]!;
    const label = Math.round(value);
    const off = Math.abs(value - label);
    if (!(off <= ROUNDING && label >= 0 && label < check.classes)) {
      throw labelError(data, index, [...voxelAt(index, shape)], check);
    }
    labels[index] = label;
    if (off === 0) continue;
    voxels++;
    if (off > largest) largest = off;
  }
  if (voxels > 0) check.onRounded?.({ voxels, largest });
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
    const label = Math.round(value);
    if (!(Math.abs(value - label) <= ROUNDING && label >= 0 && label < classes)) wrong.add(value);
    if (wrong.size === 8) break;
  }
  const others = wrong.size > 1 ? `; values out of range: ${[...wrong].sort((a, b) => a - b).join(', ')}` : '';
  return new VolumeError('DMX_VOLUME_LABEL', {
    file,
    problem: `label ${data[index]} at voxel (i, j, k) = (${voxel.reverse()}) is no class: ${classes} classes are 0 to ${classes - 1}${others}`,
    fix: cureOf([...wrong], classes),
  });
}

/** The one cure for values that are no class: they were scaled, mixed by interpolation, or are of classes that were not declared. */
function cureOf(wrong: readonly number[], classes: number): string {
  const fractions = wrong.map((value) => Math.abs(value - Math.round(value))).filter((off) => off > ROUNDING);
  if (fractions.length === 0) return classCure(wrong.map(Math.round), classes);
  if (fractions.every((off) => off <= NEAR_WHOLE)) {
    return 'the file stores whole numbers with a slope that is too coarse for them: write the labels again as uint8 without scaling';
  }
  return 'the labels were mixed by interpolation, or are no labels: resample them with the nearest neighbour from their source';
}

function classCure(wrong: readonly number[], classes: number): string {
  const sorted = [...new Set(wrong)].sort((a, b) => a - b);
  if (!sorted.every((value) => value >= 0)) return 'correct the file: labels are not negative';
  return sorted.every((value, index) => value === classes + index)
    ? 'name the classes of these values beside the others, or correct the file'
    : `give the values classes by the option labelValues: { ${sorted[0]}: ${classes - 1} } or the like`;
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
