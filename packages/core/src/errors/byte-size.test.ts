import { expect, it } from 'vitest';
import { byteSize } from './byte-size.js';

it.each([
  [0, '0.0 kB'],
  [449, '0.4 kB'],
  [999_900, '999.9 kB'],
  [3_072_000, '3.1 MB'],
  [28_700_000, '28.7 MB'],
  [1_214_000_000, '1.21 GB'],
  [500e9, '500.00 GB'],
])('writes %d bytes as %s', (bytes, text) => {
  expect(byteSize(bytes)).toBe(text);
});
