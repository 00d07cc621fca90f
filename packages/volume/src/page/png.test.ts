import { inflateSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { encodePng, type Picture, pngAddress } from './png.js';

/** Data of the chunks by their type, in order. */
function chunksOf(png: Buffer): ReadonlyMap<string, Buffer> {
  const chunks = new Map<string, Buffer>();
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    chunks.set(png.toString('latin1', at + 4, at + 8), png.subarray(at + 8, at + 8 + length));
    at += length + 12;
  }
  return chunks;
}

const grey = (width: number, ...pixels: number[]): Picture => {
  return { width, height: pixels.length / width, channels: 1, pixels: Uint8Array.from(pixels) };
};

it('has signature, header, rows without filters and end of the PNG standard', () => {
  const png = encodePng(grey(2, 3, 250, 7, 9));
  // ISO/IEC 15948, 5.2 and 11.2.2: width, height, 8 bits, grey, deflate, adaptive filters, no interlace.
  expect(png.toString('hex', 0, 29)).toBe('89504e470d0a1a0a0000000d4948445200000002000000020800000000');
  const chunks = chunksOf(png);
  expect([...chunks.keys()]).toEqual(['IHDR', 'IDAT', 'IEND']);
  expect([...inflateSync(chunks.get('IDAT')!)]).toEqual([0, 3, 250, 0, 7, 9]);
  // The chunk that ends every PNG, with its CRC-32.
  expect(png.toString('hex', png.length - 12)).toBe('0000000049454e44ae426082');
});

it('writes red, green and blue', () => {
  const chunks = chunksOf(encodePng({ width: 1, height: 2, channels: 3, pixels: Uint8Array.of(1, 2, 3, 4, 5, 6) }));
  expect([...chunks.get('IHDR')!.subarray(8)]).toEqual([8, 2, 0, 0, 0]);
  expect([...inflateSync(chunks.get('IDAT')!)]).toEqual([0, 1, 2, 3, 0, 4, 5, 6]);
});

it('writes colours with opacity by the byte of a pixel', () => {
  const palette = [
    [1, 2, 3, 0],
    [4, 5, 6, 255],
  ] as const;
  const chunks = chunksOf(encodePng(grey(1, 1), palette));
  expect([...chunks.keys()]).toEqual(['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND']);
  expect([...chunks.get('IHDR')!.subarray(8)]).toEqual([8, 3, 0, 0, 0]);
  expect([...chunks.get('PLTE')!]).toEqual([1, 2, 3, 4, 5, 6]);
  expect([...chunks.get('tRNS')!]).toEqual([0, 255]);
});

it('is an address of its base64', () => {
  const picture = grey(1, 7);
  expect(pngAddress(picture)).toBe(`data:image/png;base64,${encodePng(picture).toString('base64')}`);
});

it('refuses pixels that fit neither the sides nor the colours', () => {
  const short = { ...grey(2, 3, 250), height: 2 };
  expect(() => encodePng(short)).toThrow('a picture of 2 x 2 pixels of 1 bytes has 2 bytes');
  expect(() => encodePng(grey(1, 1), [[0, 0, 0, 0]])).toThrow('1 colours do not fit pixels of 1 bytes up to 1');
});
