import { type ColumnLevel, column } from '../shapes/column.js';
import { valueNoise } from '../shapes/noise.js';
import { ellipsoid } from '../shapes/primitives.js';
import { bumpy, inset, intersect, restrict, type Solid, solidOf, subtract, union } from '../shapes/solid.js';
import { tube } from '../shapes/tube.js';
import type { Tissues } from './materials.js';
import { type Part, part } from './part.js';
import { grow, type Patient } from './patient.js';
import { spineY } from './skeleton.js';

/** The reference trunk is modelled between these heights in mm; z = 0 is the middle of the first lumbar vertebra. */
const TRUNK = { low: -370, high: 190 } as const;

// Outer surface of the muscles: z, half-width, y of the front, y of the back.
const MUSCLE_OUTLINE: readonly (readonly [number, number, number, number])[] = [
  [-370, 152, -98, 88],
  [-290, 157, -102, 88],
  [-220, 153, -111, 79],
  [-160, 145, -121, 67],
  [-110, 137, -128, 60],
  [-60, 134, -133, 61],
  [0, 140, -133, 67],
  [60, 146, -129, 72],
  [110, 147, -122, 77],
  [190, 144, -112, 84],
];

// Inner surface of the wall of chest, abdomen and pelvis: the peritoneal and pleural space.
const CAVITY_OUTLINE: readonly (readonly [number, number, number, number])[] = [
  [-370, 62, -70, 60],
  [-290, 66, -88, 58],
  [-220, 80, -104, 52],
  [-160, 100, -111, 46],
  [-110, 116, -118, 46],
  [-60, 119, -123, 47],
  [0, 125, -123, 53],
  [60, 131, -118, 60],
  [110, 131, -110, 65],
  [190, 126, -100, 72],
];

function outline(rows: readonly (readonly [number, number, number, number])[]): ColumnLevel[] {
  return rows.map(([z, halfWidth, front, back]) => ({
    z,
    halfWidth,
    halfDepth: (back - front) / 2,
    y: (back + front) / 2,
  }));
}

/** The surfaces that bound everything else. */
export interface Envelope {
  readonly skin: Solid;
  readonly muscle: Solid;
  /** Pleural and peritoneal space together. */
  readonly cavity: Solid;
  /** The part of the cavity below the diaphragm. */
  readonly abdomen: Solid;
  readonly lungs: Solid;
}

/** Builds the surfaces of a patient's trunk. */
export function buildEnvelope(patient: Patient): Envelope {
  const { side, front, back } = patient.fat;
  // More fat sits on the belly and the flanks than on the chest.
  const share = (z: number) =>
    z > 60 ? Math.max(0.45, 1 - (z - 60) / 110) : z < -100 ? Math.min(1.5, 1 - (z + 100) / 200) : 1;
  const skinRows = MUSCLE_OUTLINE.map(
    ([z, halfWidth, yFront, yBack]) =>
      [z, halfWidth + side * share(z), yFront - front * share(z), yBack + back * share(z)] as const,
  );
  const skin = column(outline(skinRows), 0.55);
  const muscle = column(outline(MUSCLE_OUTLINE), 0.55);
  const paraspinal = column(
    [-370, -200, -110, -40, 40, 120, 190].map((z) => ({
      z,
      halfWidth: z > 40 ? 52 : 62,
      halfDepth: 40,
      y: spineY(z) + 63,
    })),
  );
  const cavity = subtract(column(outline(CAVITY_OUTLINE), 0.6), paraspinal);
  const domes = buildDomes(patient);
  // The domes are widest about 25 mm above the first lumbar vertebra; below that the whole cavity is abdomen.
  const belowDiaphragm = solidOf(muscle.bounds, (x, y, z) =>
    z < 25 ? z - 25 : Math.min(domes.distance(x, y, z) + 3, z - 25),
  );
  const abdomen = intersect(inset(cavity, 0.5), belowDiaphragm);
  return { skin, muscle, cavity, abdomen, lungs: buildLungs(patient, cavity, domes) };
}

function buildDomes(patient: Patient): Solid {
  const right = grow(patient, 'right diaphragm', { shift: 3, size: 0.02 });
  const left = grow(patient, 'left diaphragm', { shift: 3, size: 0.02 });
  return union(
    [
      ellipsoid(right.point(-66, -30, 28), right.radii(76, 94, 84)),
      ellipsoid(left.point(66, -30, 20), left.radii(74, 92, 82)),
      ellipsoid([0, -50, 20], [84, 82, 78]),
    ],
    16,
  );
}

function buildLungs(patient: Patient, cavity: Solid, domes: Solid): Solid {
  const mediastinum = column([
    { z: -10, halfWidth: 34, halfDepth: 70, y: -20 },
    { z: 90, halfWidth: 34, halfDepth: 70, y: -24 },
    { z: 190, halfWidth: 36, halfDepth: 84, y: -30 },
  ]);
  const chest = restrict(inset(cavity, 1.5), (_x, y, z) => {
    // The pleural recess reaches L1 at the back and ends above the liver's edge in front.
    const floor = 10 + Math.max(0, 20 - y) * 0.5;
    return floor - z;
  });
  return subtract(chest, domes, mediastinum, heart(patient, 3));
}

function heart(patient: Patient, margin: number): Solid {
  const growth = grow(patient, 'heart', { shift: 3 });
  const [rx, ry, rz] = growth.radii(58, 46, 44);
  return ellipsoid(growth.point(26, -62, 148), [rx + margin, ry + margin, rz + margin], [20, 18, 25]);
}

/** Skin, fat, muscle wall and the fat that fills the cavity. */
export function bodyParts(tissues: Tissues, envelope: Envelope): Part[] {
  const { skin, muscle, cavity } = envelope;
  return [
    {
      organ: null,
      solid: skin,
      layers: [
        { depth: 0, material: tissues.skin },
        { depth: 2, material: tissues.subcutaneousFat },
      ],
    },
    part(null, tissues.muscle, bumpy(muscle, 2, valueNoise(11, 22))),
    part(null, tissues.visceralFat, cavity),
  ];
}

/** The patient's couch: a shallow shell under the back. */
export function couchParts(patient: Patient, tissues: Tissues, { skin }: Envelope): Part[] {
  const rng = patient.stream('couch');
  const top = skin.bounds.high[1] + rng.uniform(-6, 0);
  const shape = (inner: number): Solid =>
    restrict(
      column([
        { z: TRUNK.low, halfWidth: 260 - inner, halfDepth: 70 - inner, y: top - 55 },
        { z: TRUNK.high, halfWidth: 260 - inner, halfDepth: 70 - inner, y: top - 55 },
      ]),
      (_x, y) => top - 18 - y,
    );
  return [part(null, tissues.table, subtract(shape(0), shape(9)))];
}

/** Lungs with vessels, and the heart. They are painted after the organs under the diaphragm. */
export function chestParts(patient: Patient, tissues: Tissues, envelope: Envelope): Part[] {
  const rng = patient.stream('lung vessels');
  const vessels = [-1, 1].flatMap((side) =>
    Array.from({ length: 7 }, () => {
      const angle = rng.uniform(-1.2, 1.4);
      const far = rng.uniform(45, 75);
      const [x, y] = [side * (40 + far * Math.cos(angle)), -10 + far * Math.sin(angle)];
      return tube([
        [side * 38, -8, 185, 4],
        [side * 40 + (x - side * 40) * 0.4, -8 + (y + 8) * 0.5, 130, 2.6],
        [x, y, rng.uniform(15, 80), 1.4],
      ]);
    }),
  );
  return [
    part(null, tissues.lung, envelope.lungs),
    ...vessels.map((vessel) => part(null, tissues.lungVessel, vessel, envelope.lungs)),
    {
      organ: null,
      solid: heart(patient, 0),
      within: envelope.cavity,
      layers: [
        { depth: 0, material: tissues.myocardium },
        { depth: 11, material: tissues.blood },
      ],
    },
  ];
}
