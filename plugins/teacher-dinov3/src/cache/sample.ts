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

function add(
  target: Float32Array,
  at: number,
  source: Float32Array,
  from: number,
  count: number,
  factor: number,
): void {
  for (let channel = 0; channel < count; channel++) target[at + channel]! += factor * source[from + channel]!;
}

/**
 * Tokens of a crop `[d', h', w', c]` out of those of its volume, trilinear at the centres of the crop's cells, flipped as
 * the crop was. On a crop whose offset is a whole number of cells they are the volume's own.
 * @param patch - voxels of the crop.
 * @param cells - cells of the crop's grid.
 * @param out - zeros, `cells` times channels.
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
  const columns = volume.cells[2];
  for (const [z, { low, high, share }] of depth.entries()) {
    for (const [layer, ofLayer] of [
      [low, 1 - share],
      [high, share],
    ] as const) {
      if (ofLayer === 0) continue;
      const source = await volume.layer(layer);
      let at = z * cells[1] * cells[2] * channels;
      for (const y of height) {
        for (const x of width) {
          for (const [row, ofRow] of [
            [y.low, 1 - y.share],
            [y.high, y.share],
          ] as const) {
            if (ofRow === 0) continue;
            if (x.share < 1)
              add(out, at, source, (row * columns + x.low) * channels, channels, ofLayer * ofRow * (1 - x.share));
            if (x.share > 0)
              add(out, at, source, (row * columns + x.high) * channels, channels, ofLayer * ofRow * x.share);
          }
          at += channels;
        }
      }
    }
  }
}
