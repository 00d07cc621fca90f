import type { CaseData, Preprocessing } from '@dinomix/core';
import { bodyBox, prepareCase } from '@dinomix/data/prepare';
import { createVolume, type Triple } from '@dinomix/volume';
import { expect, test } from 'vitest';
import { restoreLabels } from './labels.js';
import { mostProbable } from './most-probable.js';

/** Air, a body from `from` to `to` (exclusive), and a thin table in the last row. */
function scan(shape: Triple, from: Triple, to: Triple) {
  const [depth, height, width] = shape;
  const data = new Int16Array(depth * height * width).fill(-1000);
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const inside = [z, y, x].every((at, axis) => at >= from[axis]! && at < to[axis]!);
        if (inside || y === height - 1) data[(z * height + y) * width + x] = 40;
      }
    }
  }
  return createVolume({ data, shape, spacing: [2, 1, 1] });
}

test('the box is that of the body without the table, with the margin in millimetres', () => {
  const volume = scan([10, 20, 30], [3, 4, 6], [8, 15, 21]);
  expect(bodyBox(volume, { above: -500, margin: 0 })).toEqual({ offset: [3, 4, 6], shape: [5, 11, 15] });
  expect(bodyBox(volume, { above: -500, margin: 2 })).toEqual({ offset: [2, 2, 4], shape: [7, 15, 19] });
});

test('nothing is cut where nothing is above the threshold, or the body fills the volume', () => {
  const volume = scan([10, 20, 30], [0, 0, 0], [10, 20, 30]);
  expect(bodyBox(volume, { above: -500, margin: 0 })).toBeNull();
  expect(bodyBox(volume, { above: 500, margin: 0 })).toBeNull();
});

test('a large volume is searched on fewer voxels; the box still holds the body', () => {
  const { offset, shape } = bodyBox(scan([4, 300, 500], [1, 55, 70], [3, 250, 400]), { above: -500, margin: 0 })!;
  for (const [axis, [from, to]] of [
    [1, 3],
    [55, 250],
    [70, 400],
  ].entries()) {
    expect(offset[axis]!).toBeLessThanOrEqual(from!);
    expect(offset[axis]! + shape[axis]!).toBeGreaterThanOrEqual(to!);
    expect(from! - offset[axis]!).toBeLessThanOrEqual(8);
  }
});

test('a prediction comes back to its place in the file', () => {
  const image = scan([10, 20, 30], [3, 4, 6], [8, 15, 21]);
  const data: CaseData = { id: 'a', role: 'test', files: { image: 'a', label: null }, image, label: null };
  const preprocessing: Preprocessing = {
    orientation: 'RAS',
    crop: { above: -500, margin: 0 },
    grid: { kind: 'keep' },
    normalisation: { steps: [], display: [0, 1] },
  };
  const prepared = prepareCase(data, preprocessing, 2);
  expect(prepared.shape).toEqual([5, 11, 15]);
  const probabilities = new Float32Array(2 * prepared.image.length);
  prepared.image.forEach((value, index) => {
    probabilities[2 * index + (value > -500 ? 1 : 0)] = 1;
  });
  const labels = restoreLabels(mostProbable(probabilities, 2), prepared, preprocessing);
  // The table is not part of what was predicted.
  const expected = image.data.map((value, index) => (value > -500 && Math.floor(index / 30) % 20 !== 19 ? 1 : 0));
  expect([...labels.data]).toEqual([...expected]);
  expect(labels.affine).toEqual(image.affine);
});
