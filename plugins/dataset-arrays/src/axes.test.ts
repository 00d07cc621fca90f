import { expect, test } from 'vitest';
import { orderElements, volumeSizes } from './axes.js';

// Element (x, y, z) of a volume with 2, 3 and 4 voxels along x, y and z is 100 z + 10 y + x.
const ordered: number[] = [];
const reversed: number[] = [];
for (let z = 0; z < 4; z++) for (let y = 0; y < 3; y++) for (let x = 0; x < 2; x++) ordered.push(100 * z + 10 * y + x);
for (let x = 0; x < 2; x++) for (let y = 0; y < 3; y++) for (let z = 0; z < 4; z++) reversed.push(100 * z + 10 * y + x);

test.each([
  ['zyx', false, [4, 3, 2], ordered],
  ['xyz', false, [2, 3, 4], reversed],
  ['zyx', true, [4, 3, 2], reversed],
  ['xyz', true, [2, 3, 4], ordered],
] as const)('axes %s, fortran %s', (axes, fortranOrder, shape, stored) => {
  const order = { shape: shape as readonly [number, number, number], axes, fortranOrder };
  expect(volumeSizes(order)).toEqual([4, 3, 2]);
  expect([...orderElements(Int16Array.from(stored), order)]).toEqual(ordered);
});
