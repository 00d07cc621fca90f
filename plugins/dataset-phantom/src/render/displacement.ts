import type { Rng, Triple } from '@dinomix/volume';
import { boundedNormal } from '../anatomy/patient.js';

/** Node distance in mm: structures smaller than this move without being bent. */
const NODE_SPACING = 85;
/** Standard deviation of a node's shift along each axis in mm; the spline smooths it to about a third. */
const NODE_SHIFT = 10;
const NODES: Triple = [11, 9, 9];
/** Place of the first node in mm, order z, y, x. */
const ORIGIN: Triple = [-540, -370, -340];

/** Shift along x, y, z in mm. */
export interface Shifts {
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly z: Float32Array;
}

/** Writes the shifts of `count` points (x0 + i * step, y) of a plane into `out` from index `at` on. */
export type PlaneShift = (y: number, x0: number, step: number, count: number, out: Shifts, at: number) => void;

/** A smooth shift of space: cubic B-splines on a lattice, as in free-form registration (Rueckert et al. 1999). */
export interface Displacement {
  /** Returns the shift in the axial plane at a height in mm. */
  plane(z: number): PlaneShift;
}

// The four cubic B-splines that are not zero at fraction t of a cell.
function splineWeights(t: number, out: Float64Array): void {
  const s = 1 - t;
  out[0] = (s * s * s) / 6;
  out[1] = (3 * t * t * t - 6 * t * t + 4) / 6;
  out[2] = (3 * s * s * s - 6 * s * s + 4) / 6;
  out[3] = (t * t * t) / 6;
}

/** Sums the four rows of `nodes` around a place, each `length` numbers long, into `out`. */
function collapse(nodes: Float64Array, place: number, count: number, length: number, out: Float64Array): void {
  const cell = Math.floor(place);
  const weights = new Float64Array(4);
  splineWeights(place - cell, weights);
  out.fill(0);
  for (let tap = 0; tap < 4; tap++) {
    const from = Math.max(0, Math.min(count - 1, cell - 1 + tap)) * length;
    const weight = weights[tap]!;
    for (let index = 0; index < length; index++) out[index] = out[index]! + weight * nodes[from + index]!;
  }
}

/** Draws the shift of one patient. */
export function drawDisplacement(rng: Rng): Displacement {
  const [depth, height, width] = NODES;
  const nodes = Float64Array.from({ length: 3 * depth * height * width }, () => boundedNormal(rng, 0, NODE_SHIFT));
  const weights = new Float64Array(4);
  return {
    plane: (z) => {
      const plane = new Float64Array(3 * height * width);
      const line = new Float64Array(3 * width);
      collapse(nodes, (z - ORIGIN[0]) / NODE_SPACING, depth, plane.length, plane);
      return (y, x0, step, count, out, at) => {
        collapse(plane, (y - ORIGIN[1]) / NODE_SPACING, height, line.length, line);
        for (let index = 0; index < count; index++) {
          const place = (x0 + index * step - ORIGIN[2]) / NODE_SPACING;
          const cell = Math.floor(place);
          splineWeights(place - cell, weights);
          let dx = 0;
          let dy = 0;
          let dz = 0;
          for (let tap = 0; tap < 4; tap++) {
            const node = 3 * Math.max(0, Math.min(width - 1, cell - 1 + tap));
            const weight = weights[tap]!;
            dx += weight * line[node]!;
            dy += weight * line[node + 1]!;
            dz += weight * line[node + 2]!;
          }
          out.x[at + index] = dx;
          out.y[at + index] = dy;
          out.z[at + index] = dz;
        }
      };
    },
  };
}
