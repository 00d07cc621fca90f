import { inflateSync } from 'node:zlib';
import type { SliceReport } from '@dinomix/core';
import { expect, it } from 'vitest';
import { CLASSES, slice } from '../../test/events.js';
import { errorMap, sliceLayers } from './layers.js';
import { crc32, encodePng } from './png.js';

interface Chunk {
  readonly type: string;
  readonly data: Buffer;
}

function chunksOf(png: Buffer): readonly Chunk[] {
  const chunks: Chunk[] = [];
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    const body = png.subarray(at + 4, at + 8 + length);
    expect(png.readUInt32BE(at + 8 + length)).toBe(crc32(body));
    chunks.push({ type: body.subarray(0, 4).toString(), data: body.subarray(4) });
    at += length + 12;
  }
  return chunks;
}

/** Pixels of a picture with one byte each. */
function pixelsOf(address: string): readonly number[] {
  const chunks = chunksOf(Buffer.from(address.replace('data:image/png;base64,', ''), 'base64'));
  const [width, height] = [chunks[0]!.data.readUInt32BE(0), chunks[0]!.data.readUInt32BE(4)];
  const rows = inflateSync(chunks.find(({ type }) => type === 'IDAT')!.data);
  return Array.from({ length: width * height }, (_, index) => rows[index + Math.floor(index / width) + 1]!);
}

it('has the checksum of the PNG standard', () => {
  // The check value of CRC-32 (ISO 3309), and the chunk that ends every PNG.
  expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926);
  const png = encodePng({ width: 1, height: 1, pixels: Uint8Array.of(7) });
  expect(png.subarray(-12).toString('hex')).toBe('0000000049454e44ae426082');
});

it('writes grey values and palettes', () => {
  const grey = chunksOf(encodePng({ width: 2, height: 1, pixels: Uint8Array.of(3, 250) }));
  expect(grey.map(({ type }) => type)).toEqual(['IHDR', 'IDAT', 'IEND']);
  expect([...grey[0]!.data.subarray(8)]).toEqual([8, 0, 0, 0, 0]);
  const palette = [
    [1, 2, 3, 0],
    [4, 5, 6, 255],
  ] as const;
  const indexed = chunksOf(encodePng({ width: 1, height: 1, pixels: Uint8Array.of(1), palette }));
  expect([...indexed.find(({ type }) => type === 'PLTE')!.data]).toEqual([1, 2, 3, 4, 5, 6]);
  expect([...indexed.find(({ type }) => type === 'tRNS')!.data]).toEqual([0, 255]);
});

const picture = (changes: Partial<SliceReport>): SliceReport => {
  const event = slice('t1', changes);
  if (event.type !== 'slice') throw new Error('no slice');
  return event.slice;
};

it('shows anterior up and right on the left where axes are known', () => {
  const known = sliceLayers(picture({ orientation: 'RAS' }), CLASSES);
  expect(pixelsOf(known.image)).toEqual([250, 200, 150, 100, 50, 0]);
  expect(pixelsOf(known.reference!)).toEqual([0, 3, 2, 2, 1, 0]);
  const unknown = sliceLayers(picture({}), CLASSES);
  expect(pixelsOf(unknown.image)).toEqual([0, 50, 100, 150, 200, 250]);
  // 3 columns of 1 mm over 2 rows of 2 mm.
  expect(unknown.aspect).toBe(0.75);
  expect([...unknown.classes].sort()).toEqual([1, 2, 3]);
});

it('tells missed, extra and confused voxels apart', () => {
  expect([...errorMap(Uint8Array.of(0, 1, 0, 2, 1), Uint8Array.of(0, 1, 1, 0, 2))]).toEqual([0, 0, 1, 2, 3]);
});

it('does not trust the file: wrong sizes and unknown classes', () => {
  const short = sliceLayers(
    picture({ image: 'AAAA', prediction: Buffer.from([9, 9, 9, 9, 9, 9]).toString('base64') }),
    CLASSES,
  );
  expect(pixelsOf(short.image)).toEqual([0, 0, 0, 0, 0, 0]);
  expect(pixelsOf(short.prediction)).toEqual([0, 0, 0, 0, 0, 0]);
});
