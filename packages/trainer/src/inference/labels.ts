import type { Index3, Preprocessing } from '@dinomix/core';
import {
  type Box,
  copyBox,
  type Grid,
  planReorientation,
  undoReorientation,
  type Volume,
  voxelCount,
} from '@dinomix/volume';
import type { VolumeScores } from './sliding-window.js';

/** Index of the largest of `classCount` values from `at` on; the first of equals. */
function largest(values: Float32Array, at: number, classCount: number): number {
  let best = 0;
  for (let index = 1; index < classCount; index++) if (values[at + index]! > values[at + best]!) best = index;
  return best;
}

/** Most probable classes `[d, h, w]` of probabilities `[d, h, w, k]`. */
export function mostProbable(probabilities: Float32Array, classCount: number): Uint8Array {
  const labels = new Uint8Array(probabilities.length / classCount);
  for (let voxel = 0; voxel < labels.length; voxel++)
    labels[voxel] = largest(probabilities, voxel * classCount, classCount);
  return labels;
}

/** Source position of a target index along an axis, as two neighbours and the weight of the second. */
function tap(index: number, from: number, to: number): readonly [lower: number, upper: number, weight: number] {
  const position = Math.min(Math.max((from / to) * (index + 0.5) - 0.5, 0), from - 1);
  const lower = Math.floor(position);
  return [lower, Math.min(lower + 1, from - 1), position - lower];
}

function blendRows(first: Float32Array, second: Float32Array, weight: number, out: Float32Array): void {
  const rest = 1 - weight;
  for (let index = 0; index < out.length; index++) out[index] = rest * first[index]! + weight * second[index]!;
}

/** Most probable classes on a grid of `to` voxels over the same box: probabilities are interpolated, one slice at a time. */
function resizedLabels(probabilities: Float32Array, from: Index3, to: Index3): Uint8Array {
  const [, height, width] = from;
  const classCount = probabilities.length / voxelCount(from);
  const rowLength = width * classCount;
  const plane = new Float32Array(height * rowLength);
  const row = new Float32Array(rowLength);
  const voxel = new Float32Array(classCount);
  const labels = new Uint8Array(voxelCount(to));
  const part = (source: Float32Array, index: number, length: number) =>
    source.subarray(index * length, (index + 1) * length);
  let target = 0;
  for (let z = 0; z < to[0]; z++) {
    const [lowZ, highZ, weightZ] = tap(z, from[0], to[0]);
    blendRows(part(probabilities, lowZ, plane.length), part(probabilities, highZ, plane.length), weightZ, plane);
    for (let y = 0; y < to[1]; y++) {
      const [lowY, highY, weightY] = tap(y, height, to[1]);
      blendRows(part(plane, lowY, rowLength), part(plane, highY, rowLength), weightY, row);
      for (let x = 0; x < to[2]; x++) {
        const [lowX, highX, weightX] = tap(x, width, to[2]);
        blendRows(part(row, lowX, classCount), part(row, highX, classCount), weightX, voxel);
        labels[target++] = largest(voxel, 0, classCount);
      }
    }
  }
  return labels;
}

/** Puts what was cut out back into its place. */
function pasted(inside: Uint8Array, { offset, shape }: Box, whole: Index3): Uint8Array {
  const data = new Uint8Array(voxelCount(whole));
  const back = offset.map((start) => -start) as unknown as Index3;
  copyBox(inside, shape, { offset: back, shape: whole }, data, 0);
  return data;
}

/**
 * The way of {@link prepareCase} back: most probable classes on the grid of the file.
 * @param scores - on the working grid.
 * @param shape - `[d, h, w]` of the working grid.
 * @param source - grid of the file.
 * @param box - what was cut out of the turned volume; outside of it is background.
 */
export function restoreLabels(
  scores: Pick<VolumeScores, 'labels' | 'probabilities'>,
  shape: Index3,
  source: Grid,
  preprocessing: Pick<Preprocessing, 'orientation'>,
  box: Box | null = null,
): Volume<Uint8Array> {
  const plan = preprocessing.orientation === 'keep' ? null : planReorientation(source);
  const turned: Grid = plan?.target ?? source;
  const target = box?.shape ?? turned.shape;
  const same = target.every((size, axis) => size === shape[axis]);
  const inside = same ? scores.labels() : resizedLabels(scores.probabilities(), shape, target);
  const data = box === null ? inside : pasted(inside, box, turned.shape);
  const labels: Volume<Uint8Array> = { ...turned, data };
  return plan === null ? { ...source, data } : undoReorientation(labels, plan);
}
