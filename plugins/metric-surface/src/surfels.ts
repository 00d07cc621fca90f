import type { Index3 } from '@dinomix/core';
import { type GridPoints, gridPoints } from '@dinomix/volume';

/** The surface of one class: the places of its elements. */
export interface Surface {
  readonly points: GridPoints;
  /** Area of each element, mm²; absent where all count the same. */
  readonly areas?: Float64Array;
}

/**
 * Facets of the marching cube for 13 sets of corners, from which every other set but the empty one and all follow by
 * turning, mirroring and complement. Bit 4z + 2y + x of the set stands for the corner (z, y, x). A facet is the vector of
 * its area in eighths of the cube's sides, a digit for each axis, without sign.
 */
const FACETS: Readonly<Record<number, string>> = {
  1: '111',
  3: '220 220',
  6: '111 111',
  7: '111 222 400',
  15: '400 400',
  22: '111 111 111',
  23: '111 111 222 222',
  24: '111 111',
  25: '022 022 111',
  27: '022 111 202 333',
  30: '111 111 222 400',
  60: '220 220 220 220',
  105: '111 111 111 111',
};

const AXIS_ORDERS: readonly Index3[] = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
];

const ALL_CORNERS = 255;

/** The corners of a set with the axes in another order and, by the bits of `mirror`, reversed. */
function turned(set: number, order: Index3, mirror: number): number {
  let result = 0;
  for (let corner = 0; corner < 8; corner++) {
    if ((set & (1 << corner)) === 0) continue;
    const along = [corner >> 2, (corner >> 1) & 1, corner & 1];
    result |= 1 << ((4 * along[order[0]]! + 2 * along[order[1]]! + along[order[2]]!) ^ mirror);
  }
  return result;
}

/** Area in mm² of the surface inside a cube of eight voxel centres, by the set of centres that are in the class. */
export function surfelAreas([depth, height, width]: Index3): Float64Array {
  const areas = new Float64Array(ALL_CORNERS + 1);
  const sides = [height * width, depth * width, depth * height];
  for (const [set, text] of Object.entries(FACETS)) {
    const facets = text.split(' ');
    for (const order of AXIS_ORDERS) {
      const area = facets.reduce(
        (sum, facet) => sum + Math.hypot(...order.map((axis, k) => (Number(facet[axis]) / 8) * sides[k]!)),
        0,
      );
      for (let mirror = 0; mirror < 8; mirror++) {
        const one = turned(Number(set), order, mirror);
        areas[one] = area;
        areas[ALL_CORNERS - one] = area;
      }
    }
  }
  return areas;
}

/**
 * Returns for each class of a label map [d, h, w] its surface after DeepMind's surface-distance: corners of voxels with
 * some but not all of the eight voxels around in the class, weighted by the area of the marching cube there. Undefined
 * for the background and for classes without a voxel. Outside of the volume there is no class.
 */
export function labelSurfels(
  labels: Uint8Array,
  [depth, height, width]: Index3,
  classCount: number,
  spacing: Index3,
): (Surface | undefined)[] {
  const areaOf = surfelAreas(spacing);
  const places: number[][] = Array.from({ length: classCount }, () => []);
  const areas: number[][] = Array.from({ length: classCount }, () => []);
  const around = new Uint8Array(8);
  for (let z = 0; z <= depth; z++) {
    for (let y = 0; y <= height; y++) {
      for (let x = 0; x <= width; x++) {
        let isMixed = false;
        for (let corner = 0; corner < 8; corner++) {
          const [cz, cy, cx] = [z - 1 + (corner >> 2), y - 1 + ((corner >> 1) & 1), x - 1 + (corner & 1)];
          const isInside = cz >= 0 && cy >= 0 && cx >= 0 && cz < depth && cy < height && cx < width;
          around[corner] = isInside ? labels[(cz * height + cy) * width + cx]! : 0;
          isMixed ||= around[corner] !== around[0];
        }
        if (!isMixed) continue;
        for (let corner = 0; corner < 8; corner++) {
          const label = around[corner]!;
          if (label === 0 || label >= classCount || around.indexOf(label) !== corner) continue;
          places[label]!.push(z, y, x);
          areas[label]!.push(areaOf[around.reduce((set, one, bit) => (one === label ? set | (1 << bit) : set), 0)]!);
        }
      }
    }
  }
  return places.map((list, label) =>
    list.length > 0
      ? { points: gridPoints(Int32Array.from(list)), areas: Float64Array.from(areas[label]!) }
      : undefined,
  );
}
