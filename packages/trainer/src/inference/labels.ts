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
import { ResizedLabels } from './resized-labels.js';
import { WholeLabels } from './whole-labels.js';

/** Where labels go: the way of {@link prepareCase} back. */
export interface LabelPlace {
  /** `[d, h, w]` of the working grid. */
  readonly shape: Index3;
  /** Grid of the file. */
  readonly source: Grid;
  /** What was cut out of the turned volume; outside of it is background. */
  readonly box: Box | null;
}

function turnedShape(source: Grid, { orientation }: Pick<Preprocessing, 'orientation'>): Index3 {
  return orientation === 'keep' ? source.shape : planReorientation(source).target.shape;
}

/**
 * Gathers labels on the voxels that the working grid was made of: interpolated where it has another size.
 * @param whole - taken where it has the same size.
 */
export function labelsOfSource(
  { shape, source, box }: LabelPlace,
  preprocessing: Pick<Preprocessing, 'orientation'>,
  classCount: number,
  whole?: WholeLabels,
): WholeLabels | ResizedLabels {
  const target = box?.shape ?? turnedShape(source, preprocessing);
  const same = target.every((size, axis) => size === shape[axis]);
  return same ? (whole ?? new WholeLabels(shape)) : new ResizedLabels(shape, target, classCount);
}

/** Puts what was cut out back into its place. */
function pasted(inside: Uint8Array, { offset, shape }: Box, whole: Index3): Uint8Array {
  const data = new Uint8Array(voxelCount(whole));
  const back = offset.map((start) => -start) as unknown as Index3;
  copyBox(inside, shape, { offset: back, shape: whole }, data, 0);
  return data;
}

/** Brings what {@link labelsOfSource} gathered to the grid of the file. */
export function restoreLabels(
  inside: Uint8Array,
  { source, box }: Pick<LabelPlace, 'source' | 'box'>,
  preprocessing: Pick<Preprocessing, 'orientation'>,
): Volume<Uint8Array> {
  const plan = preprocessing.orientation === 'keep' ? null : planReorientation(source);
  const turned: Grid = plan?.target ?? source;
  const data = box === null ? inside : pasted(inside, box, turned.shape);
  return plan === null ? { ...source, data } : undoReorientation({ ...turned, data }, plan);
}
