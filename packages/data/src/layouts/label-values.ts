import type { DataProblem } from '@dinomix/core';
import { type RoundedLabels, toLabelVolume, type Volume, VolumeError, voxelAt } from '@dinomix/volume';
import { errorOf } from '../check/problems.js';

/** Class by the value that label files have for it. */
export type LabelValues = Readonly<Record<number, number>>;

/** Which classes label files hold. */
export interface LabelClasses {
  /** Number of classes with the background. */
  readonly classCount: number;
  /** Class by value; absent or null where values are classes. */
  readonly labelValues?: LabelValues | null;
}

// As near to a whole number as values come that were written with a slope or as float32.
const ROUNDING = 1e-3;

/**
 * The class of every value that label files may have: that of the option `labelValues`, and that of the same number for the
 * other declared ones. Null where nothing is mapped.
 */
export function declaredClasses(declared: readonly number[], labelValues: LabelValues): LabelValues | null {
  if (Object.keys(labelValues).length === 0) return null;
  return { ...Object.fromEntries(declared.map((value) => [value, value])), ...labelValues };
}

/**
 * {@link declaredClasses} for data sets that name their classes without values. A class that is given a value does not have its
 * own number any more, unless it is listed too: whoever has 0, 1, 2 and 4 wants to know of a 3.
 */
export function countedClasses(classCount: number, labelValues: LabelValues): LabelValues | null {
  const given = new Set(Object.values(labelValues));
  const own = Array.from({ length: classCount }, (_, index) => index).filter(
    (index) => index === 0 || !given.has(index),
  );
  return declaredClasses(own, labelValues);
}

/** Values that the option `labelValues` gives to classes that are not there. */
export function labelValueProblems(labelValues: LabelValues, classes: readonly string[], root: string): DataProblem[] {
  const wrong = Object.entries(labelValues).filter(([, index]) => index >= classes.length);
  return wrong.map(([value, index]) => {
    const message = `option "labelValues" gives ${value} to the class ${index}; the classes are 0 to ${classes.length - 1}`;
    const list = classes.map((name, known) => `${known} ${name}`).join(', ');
    return errorOf({ file: root, message, fix: `take one of ${list}` });
  });
}

function unknownValue(volume: Volume, index: number, values: LabelValues, file: string): VolumeError {
  const voxel = [...voxelAt(index, volume.shape)].reverse();
  const known = Object.keys(values).join(', ');
  return new VolumeError('DMX_VOLUME_LABEL', {
    file,
    problem: `label ${volume.data[index]} at voxel (i, j, k) = (${voxel}) has no class: the values that have one are ${known}`,
    fix: 'give the value a class by the option labelValues, or correct the file',
  });
}

/** {@link LabelClasses}, and who is told where labels were whole up to rounding only. */
export interface ClassTarget extends LabelClasses {
  readonly onRounded?: (rounded: RoundedLabels) => void;
}

/**
 * Returns the classes of a label as uint8.
 * @throws VolumeError `DMX_VOLUME_LABEL` naming file, voxel and value of the first label that is no class.
 */
export function toClassVolume(
  volume: Volume,
  { classCount, labelValues = null, onRounded }: ClassTarget,
  file: string,
): Volume<Uint8Array> {
  if (labelValues === null) {
    return toLabelVolume(volume, { classes: classCount, file, ...(onRounded === undefined ? {} : { onRounded }) });
  }
  const { data } = volume;
  const classOf = new Map(Object.entries(labelValues).map(([value, index]) => [Number(value), index]));
  const classes = new Uint8Array(data.length);
  let [before, current, off] = [Number.NaN, 0, 0];
  let [voxels, largest] = [0, 0];
  for (let index = 0; index < data.length; index++) {
    const value = data[index]!;
    if (value !== before) {
      const whole = Math.round(value);
      off = Math.abs(value - whole);
      const found = off <= ROUNDING ? classOf.get(whole) : undefined;
      if (found === undefined || found >= classCount) throw unknownValue(volume, index, labelValues, file);
      before = value;
      current = found;
    }
    classes[index] = current;
    if (off === 0) continue;
    voxels++;
    if (off > largest) largest = off;
  }
  if (voxels > 0) onRounded?.({ voxels, largest });
  return { ...volume, data: classes };
}
