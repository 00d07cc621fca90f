import { createRng } from '@dinomix/volume';
import { describe, expect, it } from 'vitest';
import { boxAround, countClasses, drawCorner, drawSize, drawVoxel } from './placement.js';

const CROP = [8, 16, 12] as const;
const rng = createRng({ seed: 3, stream: 'placement' });
const times = <T>(count: number, draw: () => T): T[] => Array.from({ length: count }, draw);

describe('boxes', () => {
  it('have sides in the range', () => {
    const sizes = times(2000, () => drawSize(CROP, [0.25, 0.5], rng));
    expect(new Set(sizes.map(([depth]) => depth))).toEqual(new Set([2, 3, 4]));
    expect(Math.min(...sizes.map(([, height]) => height))).toBe(4);
    expect(Math.max(...sizes.map(([, height]) => height))).toBe(8);
    expect(drawSize([1, 2, 3], [0.01, 0.02], rng)).toEqual([1, 1, 1]);
  });

  it('are centred on the voxel, or moved to lie inside', () => {
    expect(boxAround([4, 8, 6], [4, 4, 3], CROP)).toEqual({ from: [2, 6, 5], size: [4, 4, 3] });
    expect(boxAround([0, 15, 11], [4, 4, 4], CROP).from).toEqual([0, 12, 8]);
    expect(boxAround([3, 3, 3], [8, 16, 12], CROP).from).toEqual([0, 0, 0]);
  });

  it('reach every corner', () => {
    const corners = times(500, () => drawCorner([7, 15, 11], CROP, rng).join());
    expect(new Set(corners).size).toBe(8);
  });
});

describe('voxels', () => {
  const labels = new Uint8Array(8 * 16 * 12);
  const at = (z: number, y: number, x: number): number => (z * 16 + y) * 12 + x;
  for (const [z, y, x] of [
    [0, 0, 0],
    [2, 5, 7],
    [7, 15, 11],
  ] as const)
    labels[at(z, y, x)] = 2;

  it('of a class are drawn with equal probability', () => {
    const counts = countClasses(labels, 3);
    expect([...counts]).toEqual([1533, 0, 3]);
    const drawn = times(3000, () => drawVoxel(labels, 2, counts[2]!, CROP, rng).join());
    for (const voxel of ['0,0,0', '2,5,7', '7,15,11']) {
      // 1000 of 3000, standard deviation 25.8.
      expect(Math.abs(drawn.filter((one) => one === voxel).length - 1000)).toBeLessThan(4 * 25.8);
    }
  });
});
