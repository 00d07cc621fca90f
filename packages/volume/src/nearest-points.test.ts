import { describe, it } from 'vitest';
import { expectClose } from '../test/fixtures.js';
import { gridPoints, nearestDistances } from './nearest-points.js';
import { createRng } from './rng.js';
import type { Triple } from './triple.js';

/** Draws voxels of a box, each with probability `share`, at least one. */
function draw(name: string, offset: Triple, shape: Triple, share: number) {
  const rng = createRng({ seed: 5, stream: name });
  const places: number[] = [];
  for (let z = 0; z < shape[0]; z++) {
    for (let y = 0; y < shape[1]; y++) {
      for (let x = 0; x < shape[2]; x++) {
        if (rng.chance(share)) places.push(z + offset[0], y + offset[1], x + offset[2]);
      }
    }
  }
  return gridPoints(Int32Array.from(places.length > 0 ? places : offset));
}

type Points = ReturnType<typeof draw>;

/** The nearest of all points, one by one. */
function searched(from: Points, to: Points, spacing: Triple): Float64Array {
  return Float64Array.from({ length: from.coordinates.length / 3 }, (_, index) => {
    let nearest = Number.POSITIVE_INFINITY;
    for (let at = 0; at < to.coordinates.length; at += 3) {
      const steps = spacing.map(
        (step, axis) => step * (from.coordinates[3 * index + axis]! - to.coordinates[at + axis]!),
      );
      nearest = Math.min(nearest, Math.hypot(...steps));
    }
    return nearest;
  });
}

describe('nearestDistances', () => {
  it.each([
    ['inside each other', [0, 0, 0], [6, 7, 8], [1, 2, 3], [4, 3, 9]],
    ['apart along x', [2, 0, 0], [3, 4, 5], [1, 1, 20], [3, 4, 5]],
    ['apart along y', [0, 30, 0], [5, 5, 5], [1, 0, 0], [5, 5, 5]],
    ['apart along z, the other way', [30, 0, 0], [5, 5, 5], [0, 0, 0], [5, 5, 5]],
    ['single points', [3, 4, 5], [1, 1, 1], [9, 0, 7], [1, 1, 1]],
    ['a line and a sheet', [0, 0, 0], [1, 1, 15], [4, 0, 0], [1, 12, 15]],
  ] as [string, Triple, Triple, Triple, Triple][])('equals the search over all points: %s', (name, ...boxes) => {
    for (const spacing of [
      [1, 1, 1],
      [2.5, 0.7, 1.3],
      [0.4, 3, 1],
    ] as Triple[]) {
      for (const share of [0.1, 0.8]) {
        const from = draw(`${name} from`, boxes[0], boxes[1], share);
        const to = draw(`${name} to`, boxes[2], boxes[3], share);
        expectClose(nearestDistances(from, to, spacing), [...searched(from, to, spacing)], 1e-14);
        expectClose(nearestDistances(to, from, spacing), [...searched(to, from, spacing)], 1e-14);
      }
    }
  });

  it('equals it where so many points are far away that the distance transform takes over', () => {
    const from = draw('far', [0, 0, 0], [20, 40, 40], 0.9);
    const to = draw('ceiling', [35, 0, 0], [20, 40, 40], 0.001);
    expectClose(nearestDistances(from, to, [1.5, 1, 1]), [...searched(from, to, [1.5, 1, 1])], 1e-13);
  });
});
