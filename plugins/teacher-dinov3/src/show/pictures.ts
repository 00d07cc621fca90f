import type { Picture } from '@dinomix/volume/page';

/** Anchors of the colour map viridis (Smith, van der Walt; matplotlib, CC0), evenly spaced. */
const VIRIDIS = [
  [68, 1, 84],
  [72, 40, 120],
  [62, 73, 137],
  [49, 104, 142],
  [38, 130, 142],
  [31, 158, 137],
  [53, 183, 121],
  [110, 206, 88],
  [181, 222, 43],
  [253, 231, 37],
] as const;

/** Colours of 256 values, `[256, 3]`. */
export const COLOURS = Uint8Array.from({ length: 768 }, (_, i) => {
  const place = (Math.floor(i / 3) / 255) * (VIRIDIS.length - 1);
  const [low, channel] = [Math.min(Math.floor(place), VIRIDIS.length - 2), i % 3];
  return Math.round(VIRIDIS[low]![channel]! + (place - low) * (VIRIDIS[low + 1]![channel]! - VIRIDIS[low]![channel]!));
});

/** Nearest neighbours, at another size. */
export function scaled(
  { width, height, channels, pixels }: Picture,
  [rows, columns]: readonly [number, number],
): Picture {
  const result = new Uint8Array(rows * columns * channels);
  for (let row = 0; row < rows; row++) {
    const y = Math.min(height - 1, Math.floor(((row + 0.5) * height) / rows));
    for (let column = 0; column < columns; column++) {
      const x = Math.min(width - 1, Math.floor(((column + 0.5) * width) / columns));
      for (let channel = 0; channel < channels; channel++) {
        result[(row * columns + column) * channels + channel] = pixels[(y * width + x) * channels + channel]!;
      }
    }
  }
  return { width: columns, height: rows, channels, pixels: result };
}

/** Pictures of one size as a sheet with a dark rim; each list is a row. */
export function sheet(rows: readonly (readonly Picture[])[], rim = 2): Picture {
  const { width, height } = rows[0]![0]!;
  const [across, down] = [Math.max(...rows.map((row) => row.length)), rows.length];
  const [columns, lines] = [across * (width + rim) + rim, down * (height + rim) + rim];
  const pixels = new Uint8Array(3 * columns * lines).fill(24);
  for (const [y, row] of rows.entries()) {
    for (const [x, picture] of row.entries()) {
      const [top, left] = [y * (height + rim) + rim, x * (width + rim) + rim];
      for (let i = 0; i < width * height; i++) {
        const to = 3 * ((top + Math.floor(i / width)) * columns + left + (i % width));
        for (const channel of [0, 1, 2]) {
          pixels[to + channel] = picture.pixels[i * picture.channels + (picture.channels === 1 ? 0 : channel)]!;
        }
      }
    }
  }
  return { width: columns, height: lines, channels: 3, pixels };
}

/** The value below which this share of others lies. */
export function quantile(sorted: Float32Array, share: number): number {
  return sorted[Math.round(share * (sorted.length - 1))] ?? 0;
}

/** Values from `low` to `high` as bytes. */
export function toBytes(values: Float32Array, [low, high]: readonly [number, number]): Uint8Array {
  const range = high > low ? high - low : 1;
  return Uint8Array.from(values, (value) => Math.round(255 * Math.min(1, Math.max(0, (value - low) / range))));
}

/** Bytes as colours `[n, 3]`. */
export function coloured(bytes: Uint8Array): Uint8Array {
  const result = new Uint8Array(3 * bytes.length);
  for (const [index, byte] of bytes.entries()) result.set(COLOURS.subarray(3 * byte, 3 * byte + 3), 3 * index);
  return result;
}
