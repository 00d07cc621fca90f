import type { Index3 } from '@dinomix/core';
import type { Picture } from '@dinomix/volume/page';
import type { TokenGrid } from '../describe.js';
import type { Dinov3Options } from '../options.js';
import { layerSlices, reorderAxes, SLICE_AXES } from '../slices.js';
import { scaled, toBytes } from './pictures.js';

/** Sides of a picture beyond which it is made smaller, pixels. */
const LARGEST_SIDE = 320;

/** Tokens of a volume as a reader looks at them: layer by layer, each as its slice stands on the screen. */
export interface View {
  readonly layers: number;
  readonly rows: number;
  readonly columns: number;
  readonly channels: number;
  /** `[layers, rows, columns, c]`. */
  readonly tokens: Float32Array;
  /** The slice in the middle of each layer. */
  readonly slices: readonly number[];
  /** Grey pictures of those slices. */
  readonly pictures: readonly Picture[];
  /** Width of a picture over its height, in mm. */
  readonly aspect: number;
  /** 1 for tokens over something brighter than black. */
  readonly foreground: Uint8Array;
  /** Whether rows and columns run against those of the volume. */
  readonly turned: boolean;
  /** The token over a voxel `[z, y, x]` of the volume. */
  tokenAt(voxel: Index3): number;
}

/** A volume as the teacher saw it. */
export interface SeenVolume {
  /** Intensities `[d, h, w]`, normalised. */
  readonly image: Float32Array;
  readonly shape: Index3;
  /** mm along z, y, x. */
  readonly spacing: Index3;
  /** Whether the axes are those of RAS+: then anterior and superior are up and the patient's right is on the left. */
  readonly isRas: boolean;
  /** Intensities that are black and white. */
  readonly display: readonly [number, number];
}

/** Share of the way from black to white above which a voxel counts as foreground. */
const BRIGHT = 0.05 * 255;

function greySlice(values: Float32Array, slice: number, rows: number, columns: number, volume: SeenVolume): Uint8Array {
  const grey = toBytes(values.subarray(slice * rows * columns, (slice + 1) * rows * columns), volume.display);
  return volume.isRas ? grey.reverse() : grey;
}

function fitted(picture: Picture, aspect: number): Picture {
  const [height, width] = aspect > 1 ? [LARGEST_SIDE / aspect, LARGEST_SIDE] : [LARGEST_SIDE, LARGEST_SIDE * aspect];
  if (picture.width <= width && picture.height <= height) return picture;
  return scaled(picture, [
    Math.max(1, Math.min(picture.height, Math.round(height))),
    Math.max(1, Math.min(picture.width, Math.round(width))),
  ]);
}

/** Mean grey over the pixels of each cell of a grid. */
function cellMeans(grey: Uint8Array, height: number, width: number, rows: number, columns: number): Float32Array {
  const [sums, counts] = [new Float32Array(rows * columns), new Float32Array(rows * columns)];
  for (const [pixel, value] of grey.entries()) {
    const row = Math.floor((Math.floor(pixel / width) * rows) / height);
    const cell = row * columns + Math.floor(((pixel % width) * columns) / width);
    sums[cell]! += value;
    counts[cell]! += 1;
  }
  return sums.map((sum, cell) => sum / Math.max(1, counts[cell]!));
}

/** Lays tokens and slices out for the screen: in RAS+ every slice is turned by 180°, as radiologists hang it. */
export function viewOf(grid: TokenGrid, volume: SeenVolume, options: Dinov3Options): View {
  const order = SLICE_AXES[options.axis];
  const along = (values: Index3): Index3 => order.map((axis) => values[axis]) as unknown as Index3;
  const [layers, rows, columns] = along(grid.cells);
  const [depth, height, width] = along(volume.shape);
  const [, tall, wide] = along(volume.spacing);
  const { channels } = grid;
  const tokens = reorderAxes(grid.values, grid.cells, order, channels).slice();
  if (volume.isRas) turnLayers(tokens, rows * columns, channels);
  const image = reorderAxes(volume.image, volume.shape, order);
  const { sliceStride, slicesPerLayer } = options;
  const planned = layerSlices(depth, sliceStride, slicesPerLayer);
  const slices = planned.map((layer) => layer[Math.floor(layer.length / 2)]!);
  const aspect = (width * wide) / (height * tall);
  const greys = slices.map((slice) => greySlice(image, slice, height, width, volume));
  const pictures = greys.map((pixels) => fitted({ width, height, channels: 1, pixels }, aspect));
  const bright = greys.flatMap((grey) => [...cellMeans(grey, height, width, rows, columns)]);
  const foreground = Uint8Array.from(bright, (value) => (value > BRIGHT ? 1 : 0));
  const tokenAt = (voxel: Index3): number => {
    const cells = [layers, rows, columns];
    const sides = [depth, height, width];
    const [layer, row, column] = along(voxel).map((index, axis) =>
      Math.min(cells[axis]! - 1, Math.floor(((index + 0.5) * cells[axis]!) / sides[axis]!)),
    ) as unknown as Index3;
    const place = row * columns + column;
    return layer * rows * columns + (volume.isRas ? rows * columns - 1 - place : place);
  };
  const turned = volume.isRas;
  return { layers, rows, columns, channels, tokens, slices, pictures, aspect, foreground, turned, tokenAt };
}

/** Turns each layer of tokens by 180°, in place. */
function turnLayers(tokens: Float32Array, positions: number, channels: number): void {
  const size = positions * channels;
  const copy = tokens.slice();
  for (let index = 0; index * channels < tokens.length; index++) {
    const [layer, place] = [Math.floor(index / positions), index % positions];
    const from = layer * size + (positions - 1 - place) * channels;
    tokens.set(copy.subarray(from, from + channels), index * channels);
  }
}
