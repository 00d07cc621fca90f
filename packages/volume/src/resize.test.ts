import { describe, expect, it } from 'vitest';
import { expectClose, readFixture } from '../test/fixtures.js';
import { type Affine, applyAffine } from './geometry.js';
import { resizedGrid, resizeNearest, resizeTrilinear } from './resize.js';
import type { Triple } from './triple.js';
import { createGrid, createVolume } from './volume.js';

interface Resized {
  source: Triple;
  target: Triple;
  data: number[];
  trilinear: number[];
  nearest: number[];
  nearestExact: number[];
}
interface Line {
  source: number;
  target: number;
  linear: number[];
  nearest: number[];
  nearestExact: number[];
}
const { volumes, lines } = await readFixture<{ volumes: Resized[]; lines: Line[] }>('resize.json');

describe("against PyTorch's interpolate", () => {
  it.each(volumes)('$source -> $target', ({ source, target, data, ...truth }) => {
    const volume = createVolume({ data: Float32Array.from(data), shape: source });
    // Float32 rounding of sums of eight values up to 1000.
    expectClose(resizeTrilinear(volume, target).data, truth.trilinear, 5e-7);
    expect([...resizeNearest(volume, target).data]).toEqual(truth.nearest);
    expect([...resizeNearest(volume, target, { rule: 'nearest-exact' }).data]).toEqual(truth.nearestExact);
  });

  it.each(lines)('$source -> $target along each axis', ({ source, target, ...truth }) => {
    const data = Float32Array.from({ length: source }, (_, index) => index);
    for (const axis of [0, 1, 2]) {
      const along = (size: number) => [0, 1, 2].map((other) => (other === axis ? size : 1)) as unknown as Triple;
      const volume = createVolume({ data, shape: along(source) });
      expectClose(resizeTrilinear(volume, along(target)).data, truth.linear, 1.2e-7);
      expect([...resizeNearest(volume, along(target)).data]).toEqual(truth.nearest);
      const exact = resizeNearest(volume, along(target), { rule: 'nearest-exact' });
      expect([...exact.data]).toEqual(truth.nearestExact);
    }
  });
});

it('writes into the memory that it is given', () => {
  const volume = createVolume({ data: Uint8Array.of(1, 2), shape: [1, 1, 2] });
  const out = new Float32Array(4);
  expect(resizeTrilinear(volume, [1, 1, 4], { out }).data).toBe(out);
  expect([...out]).toEqual([1, 1.25, 1.75, 2]);
  const labels = new Uint8Array(4);
  expect(resizeNearest(volume, [1, 1, 4], { out: labels }).data).toBe(labels);
  expect([...labels]).toEqual([1, 1, 2, 2]);
});

it('keeps the outer faces of the grid in their place', () => {
  const affine: Affine = [
    [-0.8, 0.1, 0, 5],
    [0, 0.7, 0.3, -6],
    [0.2, 0, 3, 7],
    [0, 0, 0, 1],
  ];
  const source = createGrid([150, 512, 300], undefined, affine);
  const target = resizedGrid(source, [80, 160, 160]);
  for (const corner of [0, 1]) {
    const face = (shape: Triple) => [2, 1, 0].map((axis) => corner * shape[axis]! - 0.5) as [number, number, number];
    expectClose(applyAffine(target.affine, face(target.shape)), applyAffine(affine, face(source.shape)), 1e-12);
  }
  expectClose(
    target.spacing,
    source.spacing.map((step, axis) => (step * source.shape[axis]!) / target.shape[axis]!),
    1e-12,
  );
});
