import { inflateSync } from 'node:zlib';
import type { SliceReport } from '@dinomix/core';
import { expect, it } from 'vitest';
import { CLASSES, slice } from '../../test/events.js';
import { errorMap, sliceLayers } from './layers.js';

/** Pixels of a picture with one byte each. */
function pixelsOf(address: string): readonly number[] {
  const png = Buffer.from(address.replace('data:image/png;base64,', ''), 'base64');
  const [width, height, data] = [png.readUInt32BE(16), png.readUInt32BE(20), png.indexOf('IDAT')];
  const rows = inflateSync(png.subarray(data + 4, data + 4 + png.readUInt32BE(data - 4)));
  return Array.from({ length: width * height }, (_, index) => rows[index + Math.floor(index / width) + 1]!);
}

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
