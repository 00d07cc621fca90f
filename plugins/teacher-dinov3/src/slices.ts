import type { Axis, Index3 } from '@dinomix/core';
import { createVolume, resizeTrilinear } from '@dinomix/volume';
import type { Dinov3Options } from './options.js';

/** Height and width. */
export type Sides = readonly [height: number, width: number];

/**
 * Slices of each layer of the token grid over a crop of `depth` slices: layers of about `stride` slices, and `perLayer`
 * slices in the middle of equal parts of each. A depth of 64 with stride 8 and one slice gives 3, 11, ..., 59.
 */
export function layerSlices(depth: number, stride: number, perLayer: number): readonly (readonly number[])[] {
  const layers = Math.max(1, Math.round(depth / stride));
  const part = depth / (layers * perLayer);
  return Array.from({ length: layers }, (_, layer) =>
    Array.from({ length: perLayer }, (_, index) => {
      const middle = Math.ceil((layer * perLayer + index + 0.5) * part) - 1;
      return Math.min(Math.max(middle, 0), depth - 1);
    }),
  );
}

/** Sides of the model's input for a slice: enlarged and rounded to whole patches, at least one. */
export function inputSides([height, width]: Sides, upscale: number, patch: number): Sides {
  const side = (voxels: number): number => patch * Math.max(1, Math.round((voxels * upscale) / patch));
  return [side(height), side(width)];
}

/** Axes of a volume with the one across the slices first, then those of the rows and columns of a slice. */
export const SLICE_AXES: Readonly<Record<Dinov3Options['axis'], readonly [Axis, Axis, Axis]>> = {
  axial: [0, 1, 2],
  coronal: [1, 0, 2],
  sagittal: [2, 0, 1],
};

/** `[d, h, w, c]` with its first three axes in another order: axis i of the result is axis `order[i]` of the values. */
export function reorderAxes(
  values: Float32Array,
  shape: Index3,
  order: readonly [Axis, Axis, Axis],
  channels = 1,
): Float32Array {
  if (order.every((axis, index) => axis === index)) return values;
  const strides = [shape[1] * shape[2], shape[2], 1] as const;
  const [outer, middle, inner] = order;
  const result = new Float32Array(values.length);
  let to = 0;
  for (let i = 0; i < shape[outer]; i++) {
    for (let j = 0; j < shape[middle]; j++) {
      for (let k = 0; k < shape[inner]; k++) {
        const from = channels * (i * strides[outer] + j * strides[middle] + k * strides[inner]);
        for (let channel = 0; channel < channels; channel++) result[to++] = values[from + channel]!;
      }
    }
  }
  return result;
}

/** The order that undoes another. */
export function inverseOrder(order: readonly [Axis, Axis, Axis]): readonly [Axis, Axis, Axis] {
  return [order.indexOf(0), order.indexOf(1), order.indexOf(2)] as unknown as readonly [Axis, Axis, Axis];
}

/** Which slices make red, green and blue. */
function channelSlices(slice: number, depth: number, channels: Dinov3Options['channels']): Index3 {
  if (channels === 'repeat') return [slice, slice, slice];
  return [Math.max(slice - 1, 0), slice, Math.min(slice + 1, depth - 1)];
}

/**
 * Pictures of slices `[n, 3, H, W]`: intensities from black to white mapped to [0, 1] and held there, resized bilinearly
 * (`align_corners=False`), then (x - mean) / deviation per channel.
 * @param crop - intensities `[d, h, w]`.
 * @param display - the intensities that are black and white.
 */
export function renderSlices(
  crop: Float32Array,
  shape: Index3,
  slices: readonly number[],
  sides: Sides,
  display: readonly [number, number],
  options: Pick<Dinov3Options, 'channels' | 'mean' | 'deviation'>,
): Float32Array {
  const [depth, height, width] = shape;
  const wanted = slices.map((slice) => channelSlices(slice, depth, options.channels));
  const used = [...new Set(wanted.flat())];
  const [black, white] = display;
  const grey = new Float32Array(used.length * height * width);
  for (const [index, slice] of used.entries()) {
    const source = crop.subarray(slice * height * width, (slice + 1) * height * width);
    for (const [pixel, value] of source.entries()) {
      grey[index * height * width + pixel] = Math.min(Math.max((value - black) / (white - black), 0), 1);
    }
  }
  const stack = createVolume({ data: grey, shape: [used.length, height, width], spacing: [1, 1, 1] });
  const resized = resizeTrilinear(stack, [used.length, ...sides]).data;
  const area = sides[0] * sides[1];
  const pictures = new Float32Array(slices.length * 3 * area);
  for (const [picture, rgb] of wanted.entries()) {
    for (const [channel, slice] of rgb.entries()) {
      const from = used.indexOf(slice) * area;
      const to = (picture * 3 + channel) * area;
      const [mean, deviation] = [options.mean[channel]!, options.deviation[channel]!];
      for (let pixel = 0; pixel < area; pixel++) pictures[to + pixel] = (resized[from + pixel]! - mean) / deviation;
    }
  }
  return pictures;
}
