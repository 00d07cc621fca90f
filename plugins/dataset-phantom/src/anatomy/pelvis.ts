import { ellipsoid } from '../shapes/primitives.js';
import { type Solid, union } from '../shapes/solid.js';
import { tube } from '../shapes/tube.js';
import type { Tissues } from './materials.js';
import { hollow, type Part, part } from './part.js';
import { grow, type Patient } from './patient.js';

function uterus(patient: Patient): Solid {
  const growth = grow(patient, 'uterus', { shift: 3, size: 0.08 });
  const body = ellipsoid(growth.point(0, -28, -262), growth.radii(24, 17, 24), [40, 0, 0]);
  const cervix = tube([
    [...growth.point(0, -20, -272), 12],
    [...growth.point(0, -8, -294), 10],
  ]);
  return union([body, cervix], 8);
}

function prostate(patient: Patient): Solid {
  const growth = grow(patient, 'prostate', { shift: 2, size: 0.1 });
  return ellipsoid(growth.point(0, -34, -322), growth.radii(23, 16, 17));
}

/** Bladder, and prostate or uterus. They lie below the field of view of an abdominal scan. */
export function pelvisParts(patient: Patient, tissues: Tissues, within: Solid): Part[] {
  const growth = grow(patient, 'bladder', { shift: 3, size: 0.12 });
  const bladder = ellipsoid(growth.point(0, -58, -290), growth.radii(36, 27, 25), [-12, 0, 0]);
  const organ = 'prostate or uterus';
  const genital =
    patient.sex === 'female'
      ? part(organ, tissues.uterus, uterus(patient), within)
      : part(organ, tissues.prostate, prostate(patient), within);
  return [hollow('bladder', tissues.bladderWall, 3, tissues.urine, bladder, within), genital];
}
