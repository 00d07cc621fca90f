import type { Crop, Index3 } from '@dinomix/core';

/** Where one cell of a crop lies between the cells of the volume, along one axis. */
interface Between {
  readonly low: number;
  readonly high: number;
  /** Share of `high`. */
  readonly share: number;
}

/**
 * The cells of the volume around the centre of each cell of a crop, along one axis: at voxel offset + (k + 1/2) side /
 * cells, held inside of the centres of the outer cells.
 */
function between(
  crop: { readonly offset: number; readonly side: number; readonly cells: number; readonly flipped: boolean },
  volume: { readonly side: number; readonly cells: number },
): readonly Between[] {
  const places = Array.from({ length: crop.cells }, (_, cell): Between => {
    const voxel = crop.offset + ((cell + 0.5) * crop.side) / crop.cells;
    const place = Math.min(Math.max((voxel * volume.cells) / volume.side - 0.5, 0), volume.cells - 1);
    const low = Math.floor(place);
    return { low, high: Math.min(low + 1, volume.cells - 1), share: place - low };
  });
  // The crop was cut and then flipped, and so are its tokens.
  return crop.flipped ? places.reverse() : places;
}

/** Layers of a volume's token grid, read as they are needed. */
export interface VolumeTokens {
  /** Voxels of the volume `[d, h, w]`. */
  readonly shape: Index3;
  /** Cells of its grid. */
  readonly cells: Index3;
  readonly channels: number;
  /** Tokens of one layer `[h', w', c]`. */
  layer(z: number): Promise<Float32Array>;
}

/** Layers and rows between which one row of cells lies, with their shares. */
interface RowSource {
  readonly layers: readonly [low: Float32Array, high: Float32Array];
  readonly z: Between;
  readonly y: Between;
}

/** A whole row of cells between two rows of two layers. Long loops over neighbouring numbers: this is the price of a step. */
function blendRow({ layers: [below, above], z, y }: RowSource, size: number, row: Float32Array): void {
  const [low, high] = [y.low * size, y.high * size];
  const [below0, below1] = [(1 - z.share) * (1 - y.share), (1 - z.share) * y.share];
  const [above0, above1] = [z.share * (1 - y.share), z.share * y.share];
  for (let index = 0; index < size; index++) {
    row[index] =
      below0 * below[low + index]! +
      below1 * below[high + index]! +
      above0 * above[low + index]! +
      above1 * above[high + index]!;
  }
}

/** A cell between two cells of a row. */
function blendCell(row: Float32Array, { low, high, share }: Between, channels: number, out: Float32Array, at: number) {
  const [first, second, rest] = [low * channels, high * channels, 1 - share];
  for (let channel = 0; channel < channels; channel++) {
    out[at + channel] = rest * row[first + channel]! + share * row[second + channel]!;
  }
}

/**
 * Tokens of a crop `[d', h', w', c]` out of those of its volume, trilinear at the centres of the crop's cells, flipped as
 * the crop was. On a crop whose offset is a whole number of cells they are the volume's own.
 * @param patch - voxels of the crop.
 * @param cells - cells of the crop's grid.
 * @param out - `cells` times channels.
 */
export async function sampleTokens(
  volume: VolumeTokens,
  { offset, flips }: Pick<Crop, 'offset' | 'flips'>,
  patch: Index3,
  cells: Index3,
  out: Float32Array,
): Promise<void> {
  const [depth, height, width] = ([0, 1, 2] as const).map((axis) =>
    between(
      { offset: offset[axis], side: patch[axis], cells: cells[axis], flipped: flips[axis] },
      { side: volume.shape[axis], cells: volume.cells[axis] },
    ),
  ) as [readonly Between[], readonly Between[], readonly Between[]];
  const { channels } = volume;
  const row = new Float32Array(volume.cells[2] * channels);
  let at = 0;
  for (const z of depth) {
    const below = await volume.layer(z.low);
    const layers = [below, z.share === 0 ? below : await volume.layer(z.high)] as const;
    for (const y of height) {
      blendRow({ layers, z, y }, row.length, row);
      for (const x of width) {
        blendCell(row, x, channels, out, at);
        at += channels;
      }
    }
  }
}
