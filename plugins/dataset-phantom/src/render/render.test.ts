import { createRng, type Triple } from '@dinomix/volume';
import { describe, expect, test } from 'vitest';
import type { Material } from '../anatomy/materials.js';
import { part } from '../anatomy/part.js';
import { ellipsoid } from '../shapes/primitives.js';
import type { Solid } from '../shapes/solid.js';
import { type Displacement, drawDisplacement } from './displacement.js';
import { addNoise } from './noise.js';
import { Scene } from './scene.js';
import { drawTexture, sampleOffsets, shadeSlab } from './shade.js';
import { type Placement, paintSlab } from './slab.js';

const still: Displacement = {
  plane: () => (_y, _x0, _step, count, out, at) => {
    for (const values of [out.x, out.y, out.z]) values.fill(0, at, at + count);
  },
};
const white: Material = { hu: 0, texture: 0, grain: 'fine' };

function shadeAll(solid: Solid, spacing: Triple, shape: Triple): Float32Array {
  const origin = shape.map((size, axis) => -((size - 1) / 2) * spacing[axis]!) as unknown as Triple;
  const placement: Placement = { shape, spacing, origin, scale: [1, 1, 1] };
  const slab = paintSlab(Scene.of([part(null, white, solid)]), placement, still, 0, shape[0]);
  const out = new Float32Array(shape[0] * shape[1] * shape[2]);
  shadeSlab(slab, drawTexture(0), sampleOffsets(placement), out);
  return out;
}

/** Share of each voxel that is not air. */
const shareOf = (hu: number) => 1 + hu / 1000;

describe('partial volume', () => {
  test('the shares of all voxels of a ball add up to its volume, in voxels of any shape', () => {
    const ball = ellipsoid([0.7, -0.4, 0.2], [20, 20, 20]);
    for (const spacing of [
      [3, 2.4, 2.4],
      [8, 4.75, 4.75],
    ] as const) {
      const values = shadeAll(ball, spacing, [24, 24, 24]);
      const voxel = spacing[0] * spacing[1] * spacing[2];
      const volume = values.reduce((sum, hu) => sum + shareOf(hu), 0) * voxel;
      expect(Math.abs(volume / ((4 / 3) * Math.PI * 8000) - 1)).toBeLessThan(0.01);
      expect(values.some((hu) => shareOf(hu) > 0.2 && shareOf(hu) < 0.8)).toBe(true);
    }
  });

  test('a voxel cut in the middle by a plane is half air', () => {
    const half = ellipsoid([0, 0, -10_000], [10_000, 10_000, 10_000]);
    const values = shadeAll(half, [3, 3, 3], [3, 3, 3]);
    expect(values[13]).toBeCloseTo(-500, 3);
    expect(values[4]).toBe(0);
    expect(values[22]).toBe(-1000);
  });
});

test('the last part wins, and only where it lies within its bounds', () => {
  const outer = ellipsoid([0, 0, 0], [10, 10, 10]);
  const inner = ellipsoid([0, 0, 0], [5, 5, 5]);
  const left = ellipsoid([10, 0, 0], [10, 10, 10]);
  const bright = { ...white, hu: 100 };
  const scene = Scene.of([part(null, white, outer), part('liver', bright, inner, left)]);
  const hit = { part: 0, material: 0 };
  const numberAt = (x: number, y: number, z: number) => {
    scene.at(x, y, z, hit);
    return hit.part;
  };
  expect([numberAt(2, 0, 0), numberAt(-2, 0, 0), numberAt(0, 0, 9), numberAt(0, 0, 11)]).toEqual([2, 1, 1, 0]);
});

describe('noise', () => {
  const shape: Triple = [16, 64, 64];
  const noise = new Float32Array(16 * 64 * 64);
  addNoise(noise, shape, 12, 4, 2);

  const correlation = (step: number, keep: (index: number) => boolean) => {
    let sum = 0;
    let count = 0;
    for (let index = 0; index + step < noise.length; index++) {
      if (!keep(index)) continue;
      sum += noise[index]! * noise[index + step]!;
      count++;
    }
    return sum / count / 144;
  };

  test('has mean 0, the asked deviation and the moments of a normal distribution', () => {
    const moment = (power: number) => noise.reduce((sum, value) => sum + (value / 12) ** power, 0) / noise.length;
    expect(Math.abs(moment(1))).toBeLessThan(0.02);
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.03);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.2);
  });

  test('neighbours in a slice correlate by 2/3 as [1 2 1] makes them, neighbours in z do not', () => {
    expect(Math.abs(correlation(1, (index) => index % 64 < 63) - 2 / 3)).toBeLessThan(0.03);
    expect(Math.abs(correlation(64, (index) => index % 4096 < 4032) - 2 / 3)).toBeLessThan(0.03);
    expect(Math.abs(correlation(4096, () => true))).toBeLessThan(0.03);
  });
});

test('the displacement is smooth, bounded by its nodes and the same for any way of asking', () => {
  const displacement = drawDisplacement(createRng({ seed: 1, stream: 'test' }));
  const ask = (z: number, y: number, x0: number, step: number, count: number) => {
    const out = { x: new Float32Array(count), y: new Float32Array(count), z: new Float32Array(count) };
    displacement.plane(z)(y, x0, step, count, out, 0);
    return out;
  };
  const row = ask(12, -30, -150, 1, 300);
  for (const values of [row.x, row.y, row.z]) {
    for (let index = 0; index < 300; index++) expect(Math.abs(values[index]!)).toBeLessThanOrEqual(20);
    for (let index = 1; index < 300; index++) {
      // A B-spline's slope is at most the largest difference of neighbouring nodes, 40 mm, over their distance, 85 mm.
      expect(Math.abs(values[index]! - values[index - 1]!)).toBeLessThanOrEqual(40 / 85);
    }
  }
  expect(ask(12, -30, -150 + 100, 1, 1).y[0]).toBe(row.y[100]);
  expect(Math.max(...row.x) - Math.min(...row.x)).toBeGreaterThan(1);
});
