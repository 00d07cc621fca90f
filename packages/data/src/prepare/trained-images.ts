import type { AxisRange, Dataset, Index3, TrainedImages } from '@dinomix/core';
import { type Grid, orientationOf, planReorientation } from '@dinomix/volume';

function rangeOf(values: readonly Index3[]): AxisRange {
  const over = (choose: (...numbers: number[]) => number, axis: 0 | 1 | 2) =>
    choose(...values.map((value) => value[axis]));
  const triple = (choose: (...numbers: number[]) => number): Index3 => [
    over(choose, 0),
    over(choose, 1),
    over(choose, 2),
  ];
  return [triple(Math.min), triple(Math.max)];
}

/** Spacing and length of an image along the axes that the network sees, mm. */
export function fieldOf(image: Grid, isTurned: boolean): { readonly spacing: Index3; readonly extent: Index3 } {
  const { shape, spacing } = isTurned ? planReorientation(image).target : image;
  return { spacing, extent: [shape[0] * spacing[0], shape[1] * spacing[1], shape[2] * spacing[2]] };
}

/** What a prediction needs to know of the images that a network learned from. @param sources - grids of the labelled files */
export function trainedImages(
  { reading, preprocessing, sampling, hasAxes = true }: Dataset,
  sources: readonly Grid[],
): TrainedImages {
  const isTurned = preprocessing.orientation === 'RAS';
  const fields = sources.map((source) => fieldOf(source, isTurned));
  const [axes = null, ...others] = new Set(sources.map(({ affine }) => orientationOf(affine)));
  return {
    reading: reading ?? null,
    preprocessing,
    padValue: sampling.padValue,
    axes: isTurned || !hasAxes || others.length > 0 ? null : axes,
    spacing: rangeOf(fields.map((field) => field.spacing)),
    extent: rangeOf(fields.map((field) => field.extent)),
  };
}
