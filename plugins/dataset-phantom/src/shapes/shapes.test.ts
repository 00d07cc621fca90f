import { createRng } from '@dinomix/volume';
import { describe, expect, test } from 'vitest';
import { buildAnatomy } from '../anatomy/anatomy.js';
import { drawPatient } from '../anatomy/patient.js';
import { column } from './column.js';
import { valueNoise } from './noise.js';
import { ellipsoid, plate } from './primitives.js';
import { type Bounds, bumpy, inset, type Solid, subtract, union } from './solid.js';
import { tube } from './tube.js';

/** Volume in mm^3 by counting points of a lattice. */
function volumeOf(solid: Solid, step: number): number {
  const { low, high } = solid.bounds;
  let inside = 0;
  for (let z = low[2] + step / 2; z < high[2]; z += step) {
    for (let y = low[1] + step / 2; y < high[1]; y += step) {
      for (let x = low[0] + step / 2; x < high[0]; x += step) if (solid.distance(x, y, z) < 0) inside++;
    }
  }
  return inside * step ** 3;
}

function expectWithin(value: number, expected: number, share: number): void {
  expect(Math.abs(value / expected - 1)).toBeLessThan(share);
}

describe('volumes agree with their formulas', () => {
  test('ellipsoid, turned or not: 4/3 pi a b c', () => {
    expectWithin(volumeOf(ellipsoid([3, -4, 5], [10, 14, 8]), 0.5), (4 / 3) * Math.PI * 10 * 14 * 8, 0.01);
    expectWithin(volumeOf(ellipsoid([0, 0, 0], [10, 20, 8], [30, -20, 45]), 0.5), (4 / 3) * Math.PI * 1600, 0.01);
  });

  test('straight tube: pi r^2 l and two half balls', () => {
    const solid = tube([
      [0, 0, 0, 6],
      [0, 0, 50, 6],
    ]);
    expectWithin(volumeOf(solid, 0.5), Math.PI * 36 * 50 + (4 / 3) * Math.PI * 216, 0.01);
  });

  test('flattened tube', () => {
    const solid = tube(
      [
        [0, 0, 0, 6],
        [0, 0, 50, 6],
      ],
      0.5,
    );
    expectWithin(volumeOf(solid, 0.25), (Math.PI * 36 * 50 + (4 / 3) * Math.PI * 216) / 2, 0.01);
  });

  test('column: pi a b h, nearly 4 a b h with square corners', () => {
    const levels = [0, 20].map((z) => ({ z, halfWidth: 20, halfDepth: 10, y: 5 }));
    expectWithin(volumeOf(column(levels), 0.5), Math.PI * 20 * 10 * 20, 0.01);
    expectWithin(volumeOf(column(levels, 0.999), 0.5), 4 * 20 * 10 * 20, 0.02);
  });

  test('plate: its path times height and thickness, and the round edges', () => {
    const solid = plate(
      [
        [0, 0],
        [30, 0],
      ],
      0,
      20,
      4,
    );
    // A rounded slab: 30 x 4 x 16 core, half cylinders of radius 2 along its four edges, a ball in the corners.
    const expected = 30 * 4 * 16 + Math.PI * 4 * (30 + 16) + (4 / 3) * Math.PI * 8;
    expectWithin(volumeOf(solid, 0.25), expected, 0.01);
  });

  test('inset and subtract', () => {
    const ball = ellipsoid([0, 0, 0], [12, 12, 12]);
    expectWithin(volumeOf(inset(ball, 4), 0.5), (4 / 3) * Math.PI * 512, 0.01);
    expectWithin(volumeOf(subtract(ball, inset(ball, 4)), 0.5), (4 / 3) * Math.PI * (1728 - 512), 0.01);
  });
});

test('a ball knows the distance to its surface', () => {
  const ball = ellipsoid([1, 2, 3], [10, 10, 10]);
  expect(ball.distance(1, 2, 3 + 7)).toBeCloseTo(-3, 12);
  expect(ball.distance(1 + 14, 2, 3)).toBeCloseTo(4, 12);
});

test('value noise stays within [-1, 1], is continuous and takes the same values again', () => {
  const noise = valueNoise(7, 10);
  let largestStep = 0;
  for (let x = -50; x < 50; x += 0.05) {
    const value = noise(x, 3, -4);
    expect(Math.abs(value)).toBeLessThanOrEqual(1);
    largestStep = Math.max(largestStep, Math.abs(value - noise(x + 0.05, 3, -4)));
  }
  // The slope of 3 t^2 - 2 t^3 is at most 1.5 per cell of 10 mm, between values at most 2 apart.
  expect(largestStep).toBeLessThanOrEqual((0.05 * 1.5 * 2) / 10);
  expect(valueNoise(7, 10)(12.5, 3, 1)).toBe(noise(12.5, 3, 1));
  expect(valueNoise(8, 10)(12.5, 3, 1)).not.toBe(noise(12.5, 3, 1));
});

/** Compares a solid with its reduction to boxes, at points of the boxes. */
function expectSameNear(solid: Solid, seed: number): number {
  const rng = createRng({ seed, stream: 'near' });
  let insidePoints = 0;
  for (let trial = 0; trial < 12; trial++) {
    const low = [rng.uniform(-130, 100), rng.uniform(-130, 60), rng.uniform(-160, 120)] as const;
    const box: Bounds = { low, high: [low[0] + 45, low[1] + 45, low[2] + 40] };
    const part = solid.near(box);
    for (let point = 0; point < 30; point++) {
      const at = [0, 1, 2].map((axis) => rng.uniform(box.low[axis]!, box.high[axis]!)) as [number, number, number];
      const whole = solid.distance(...at);
      const reduced = part === null ? 1 : part.distance(...at);
      expect(reduced < 0).toBe(whole < 0);
      // The depth decides the layer.
      if (whole < 0 && whole > -4) expect(reduced).toBeCloseTo(whole, 6);
      if (whole < 0) insidePoints++;
    }
  }
  return insidePoints;
}

test('every part of a body is the same when it is reduced to a box', () => {
  let inside = 0;
  for (const [index, part] of buildAnatomy(drawPatient(5, 1)).entries()) {
    inside += expectSameNear(part.solid, index);
    if (part.within !== undefined && index % 8 === 0) inside += expectSameNear(part.within, 1000 + index);
  }
  expect(inside).toBeGreaterThan(1000);
});

test('unions with round joints and bumps are the same when they are reduced to a box', () => {
  const rng = createRng({ seed: 3, stream: 'union' });
  const balls = Array.from({ length: 60 }, () => {
    const centre = [rng.uniform(-120, 120), rng.uniform(-120, 80), rng.uniform(-150, 130)] as const;
    return ellipsoid(centre, [30, 30, 30]);
  });
  expect(expectSameNear(union(balls, 10), 1)).toBeGreaterThan(50);
  expect(expectSameNear(bumpy(union(balls), 3, valueNoise(1, 9)), 2)).toBeGreaterThan(50);
});
