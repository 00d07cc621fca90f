import { createRng, type Point, type Rng } from '@dinomix/volume';
import type { TubePoint } from '../shapes/tube.js';

/** What differs from patient to patient. All draws depend on (seed, case, name of the part) alone. */
export interface Patient {
  readonly sex: 'female' | 'male';
  /** Thickness of the fat under the skin in mm: at the sides, in front, at the back. */
  readonly fat: { readonly side: number; readonly front: number; readonly back: number };
  /** Size relative to the reference body along x, y, z. */
  readonly scale: Point;
  /** The random stream of one part of the body. */
  stream(part: string): Rng;
}

/** Normal draw, cut at two standard deviations so that no organ ends up somewhere impossible. */
export function boundedNormal(rng: Rng, mean: number, deviation: number): number {
  return mean + deviation * Math.max(-2, Math.min(2, rng.normal()));
}

/** Draws the patient of a seed and case number. */
export function drawPatient(seed: number, item: number): Patient {
  const stream = (part: string) => createRng({ seed, stream: `dataset-phantom/${part}`, item });
  const rng = stream('patient');
  const girth = rng.uniform();
  return {
    sex: rng.chance(0.5) ? 'female' : 'male',
    fat: { side: 8 + 18 * girth, front: 8 + 20 * girth * rng.uniform(0.7, 1.1), back: 10 + 14 * girth },
    scale: [boundedNormal(rng, 1, 0.03), boundedNormal(rng, 1, 0.035), boundedNormal(rng, 1, 0.03)],
    stream,
  };
}

/** How far one organ may differ from the reference. */
export interface Variation {
  /** Standard deviation of the shift of the whole organ along each axis, mm. Default 3. */
  readonly shift?: number;
  /** Standard deviation of the relative change of radii. Default 0.05. */
  readonly size?: number;
  /** Standard deviation of the bend at each point of a path, mm. Default 2. */
  readonly bend?: number;
}

/** The places and sizes of one organ in one patient, from those of the reference body. */
export interface Growth {
  point(x: number, y: number, z: number): Point;
  radii(x: number, y: number, z: number): Point;
  path(points: readonly TubePoint[]): TubePoint[];
  readonly rng: Rng;
}

/** Draws how the named organ of a patient differs from the reference body. */
export function grow(patient: Patient, organ: string, variation: Variation = {}): Growth {
  const { shift = 3, size = 0.05, bend = 2 } = variation;
  const rng = patient.stream(organ);
  const move = [0, 0, 0].map(() => boundedNormal(rng, 0, shift)) as [number, number, number];
  const factor = boundedNormal(rng, 1, size);
  const point = (x: number, y: number, z: number): Point => [x + move[0], y + move[1], z + move[2]];
  return {
    rng,
    point,
    radii: (x, y, z) => [
      x * factor * boundedNormal(rng, 1, size / 2),
      y * factor * boundedNormal(rng, 1, size / 2),
      z * factor * boundedNormal(rng, 1, size / 2),
    ],
    path: (points) =>
      points.map(([x, y, z, radius]) => {
        const [px, py, pz] = point(x, y, z);
        const wander = () => boundedNormal(rng, 0, bend);
        return [px + wander(), py + wander(), pz + wander(), radius * factor * boundedNormal(rng, 1, size / 2)];
      }),
  };
}
