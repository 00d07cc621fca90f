import { deflateSync } from 'node:zlib';

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** CRC-32 as in PNG and zlib. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 255]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const whole = Buffer.alloc(body.length + 8);
  whole.writeUInt32BE(data.length, 0);
  body.copy(whole, 4);
  whole.writeUInt32BE(crc32(body), body.length + 4);
  return whole;
}

/** A picture with one byte for each pixel, row after row from the top. */
export interface BytePicture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
  /** sRGB with opacity by byte; without it bytes are grey values. */
  readonly palette?: readonly (readonly [red: number, green: number, blue: number, alpha: number])[];
}

/** Encodes a picture as PNG (ISO 15948). */
export function encodePng({ width, height, pixels, palette }: BytePicture): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  header[9] = palette === undefined ? 0 : 3;
  // Each row starts with the number of its filter; 0 is none.
  const rows = Buffer.alloc((width + 1) * height);
  for (let row = 0; row < height; row++) {
    rows.set(pixels.subarray(row * width, (row + 1) * width), row * (width + 1) + 1);
  }
  const colours = palette?.slice(0, 256) ?? [];
  return Buffer.concat([
    Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]),
    chunk('IHDR', header),
    ...(palette === undefined
      ? []
      : [
          chunk('PLTE', Uint8Array.from(colours.flatMap((colour) => colour.slice(0, 3)))),
          chunk('tRNS', Uint8Array.from(colours.map(([, , , alpha]) => alpha))),
        ]),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', new Uint8Array()),
  ]);
}

/** The picture as an address for `src`. */
export function pngAddress(picture: BytePicture): string {
  return `data:image/png;base64,${encodePng(picture).toString('base64')}`;
}
