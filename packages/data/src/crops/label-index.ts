import type { Index3 } from '@dinomix/core';

/**
 * Finds voxels of a class in a label volume `[d, h, w]`. It keeps where runs of equal labels begin, not the volume: for
 * organs that is a few hundredths of it.
 */
export interface LabelIndex {
  readonly shape: Index3;
  /** Voxels per class `[k]`. */
  readonly counts: readonly number[];
  /** Memory that it takes. */
  readonly bytes: number;
  /**
   * The voxel [z, y, x] of the class with this number, counted in memory order from 0.
   * @throws RangeError when the class has fewer voxels.
   */
  voxel(classIndex: number, number: number): Index3;
}

/** Calls `visit` for every stretch of equal labels in memory order. */
function eachRun(label: Uint8Array, visit: (classIndex: number, start: number, length: number) => void): void {
  for (let start = 0, end = 0; start < label.length; start = end) {
    const classIndex = label[start]!;
    while (end < label.length && label[end] === classIndex) end++;
    visit(classIndex, start, end - start);
  }
}

/** Place of the last value up to `wanted` in an ascending part of `values`, which has one. */
function lastUpTo(values: Uint32Array, from: number, to: number, wanted: number): number {
  let [low, high] = [from, to];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (values[middle]! <= wanted) low = middle;
    else high = middle;
  }
  return low;
}

/** Goes through the label twice; it may be let go afterwards. */
export function createLabelIndex(label: Uint8Array, shape: Index3, classCount: number): LabelIndex {
  const [, height, width] = shape;
  const ends = new Uint32Array(classCount);
  eachRun(label, (classIndex) => ends[classIndex]!++);
  for (let classIndex = 1; classIndex < classCount; classIndex++) ends[classIndex]! += ends[classIndex - 1]!;
  const firsts = Uint32Array.from(ends, (_, classIndex) => (classIndex === 0 ? 0 : ends[classIndex - 1]!));
  // By class, then in memory order: where a run starts, and how many voxels of its class lie before it.
  const [starts, before] = [new Uint32Array(ends.at(-1)!), new Uint32Array(ends.at(-1)!)];
  const counts = new Array<number>(classCount).fill(0);
  const next = firsts.slice();
  eachRun(label, (classIndex, start, length) => {
    const at = next[classIndex]!++;
    starts[at] = start;
    before[at] = counts[classIndex]!;
    counts[classIndex]! += length;
  });
  const voxel = (classIndex: number, number: number): Index3 => {
    if (!(number < counts[classIndex]!))
      throw new RangeError(`class ${classIndex} has ${counts[classIndex]} voxels; asked for number ${number}`);
    const run = lastUpTo(before, firsts[classIndex]!, ends[classIndex]!, number);
    const index = starts[run]! + number - before[run]!;
    return [Math.floor(index / (height * width)), Math.floor(index / width) % height, index % width];
  };
  return { shape, counts: Object.freeze(counts), bytes: starts.byteLength + before.byteLength, voxel };
}
