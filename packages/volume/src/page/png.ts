import { crc32, deflateSync } from 'node:zlib';
import { VolumeError } from '../errors.js';

/** A picture, rows from the top. */
export interface Picture {
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  /** Bytes of a pixel: grey or the place in a palette, or red, green and blue (sRGB). */
  readonly channels: 1 | 3;
  /** `[height, width, channels]`. */
  readonly pixels: Uint8Array;
}

/** sRGB and opacity, 0..255, by the byte of a pixel; at most 256. */
export type Palette = readonly (readonly [red: number, green: number, blue: number, alpha: number])[];

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [head, tail] = [Buffer.alloc(4), Buffer.alloc(4)];
  head.writeUInt32BE(data.length);
  tail.writeUInt32BE(crc32(body));
  return Buffer.concat([head, body, tail]);
}

function check({ width, height, channels, pixels }: Picture, palette: Palette | undefined): void {
  if (pixels.length !== width * height * channels) {
    throw new VolumeError('DMX_VOLUME_ARGUMENT', {
      problem: `a picture of ${width} x ${height} pixels of ${channels} bytes has ${pixels.length} bytes`,
      fix: 'Give width * height * channels bytes.',
    });
  }
  if (palette === undefined) return;
  const largest = pixels.reduce((most, pixel) => Math.max(most, pixel), 0);
  if (channels === 1 && palette.length <= 256 && largest < palette.length) return;
  throw new VolumeError('DMX_VOLUME_ARGUMENT', {
    problem: `${palette.length} colours do not fit pixels of ${channels} bytes up to ${largest}`,
    fix: 'Give at most 256 colours, one for every value of pixels of one byte.',
  });
}

/** Colour types of the header. */
const [GREY, RGB, INDEXED] = [0, 2, 3];

/**
 * Encodes a picture as PNG (ISO/IEC 15948), 8 bits a sample.
 * @param palette colours of a picture of one channel, which is grey without them
 * @throws VolumeError `DMX_VOLUME_ARGUMENT` where pixels fit neither the sides nor the palette
 */
export function encodePng(picture: Picture, palette?: Palette): Buffer {
  check(picture, palette);
  const { width, height, channels, pixels } = picture;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, palette === undefined ? (channels === 1 ? GREY : RGB) : INDEXED], 8);
  const line = width * channels;
  // Each row starts with the number of its filter; 0 is none.
  const rows = Buffer.alloc((line + 1) * height);
  for (let row = 0; row < height; row++) rows.set(pixels.subarray(row * line, (row + 1) * line), row * (line + 1) + 1);
  const colours =
    palette === undefined
      ? []
      : [
          chunk('PLTE', Uint8Array.from(palette.flatMap((colour) => colour.slice(0, 3)))),
          chunk('tRNS', Uint8Array.from(palette.map(([, , , alpha]) => alpha))),
        ];
  return Buffer.concat([
    Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]),
    chunk('IHDR', header),
    ...colours,
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', new Uint8Array()),
  ]);
}

/** The picture as a `data:` address for `src`; takes what {@link encodePng} takes. */
export function pngAddress(picture: Picture, palette?: Palette): string {
  return `data:image/png;base64,${encodePng(picture, palette).toString('base64')}`;
}
