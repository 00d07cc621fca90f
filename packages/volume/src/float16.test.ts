import { expect, it } from 'vitest';
import { readFixture } from '../test/fixtures.js';
import { decodeFloat16, encodeFloat16, fromFloat16, toFloat16 } from './float16.js';

const { values, bits } = await readFixture<{ values: number[]; bits: number[] }>('float16.json');

it('encodes ties, neighbours of ties, subnormal and large values as NumPy does', () => {
  expect([...toFloat16(Float32Array.from(values))]).toEqual(bits);
});

it('decodes every pattern to a value that encodes to the same pattern', () => {
  const patterns = Uint16Array.from({ length: 65536 }, (_, index) => index);
  const decoded = fromFloat16(patterns);
  const wrong = patterns.filter((pattern, index) => {
    const isNaNPattern = (pattern & 0x7c00) === 0x7c00 && (pattern & 0x3ff) !== 0;
    return isNaNPattern ? !Number.isNaN(decoded[index]) : encodeFloat16(decoded[index]!) !== pattern;
  });
  expect(wrong.length).toBe(0);
});

it('decodes the values of the IEEE 754 standard', () => {
  const known: [number, number][] = [
    [0x3c00, 1],
    [0xc000, -2],
    [0x7bff, 65504],
    [0x0400, 2 ** -14],
    [0x0001, 2 ** -24],
  ];
  for (const [pattern, value] of known) expect(decodeFloat16(pattern)).toBe(value);
  expect(decodeFloat16(0x7c00)).toBe(Infinity);
  expect(Object.is(decodeFloat16(0x8000), -0)).toBe(true);
  expect(encodeFloat16(Number.NaN)).toBe(0x7e00);
});
