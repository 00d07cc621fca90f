import { valueNoise } from '../shapes/noise.js';
import { ellipsoid, plate } from '../shapes/primitives.js';
import { bumpy, inset, intersect, type Solid, subtract, union } from '../shapes/solid.js';
import { tube } from '../shapes/tube.js';
import type { Tissues } from './materials.js';
import { type Organ, type Part, part } from './part.js';
import { type Growth, grow, type Patient } from './patient.js';

function liverSolid(growth: Growth): Solid {
  const { point, radii } = growth;
  const right = ellipsoid(point(-64, -26, 40), radii(60, 78, 68), [0, 8, 0]);
  const tip = ellipsoid(point(-88, -18, -12), radii(33, 54, 54), [0, 10, 0]);
  const dome = ellipsoid(point(-66, -30, 60), radii(63, 80, 53));
  const left = tube(
    growth.path([
      [-55, -52, 62, 40],
      [-12, -68, 62, 34],
      [22, -80, 62, 26],
      [50, -84, 64, 17],
      [68, -78, 64, 9],
    ]),
  );
  const caudate = ellipsoid(point(-16, -30, 56), radii(17, 14, 24));
  const lobes = union([right, dome, tip, left, caudate], 14);
  // The visceral surface is hollow where gallbladder, duodenum, colon and kidney touch it.
  const hilum = ellipsoid(point(-30, -56, -8), radii(30, 36, 36));
  const underLeft = ellipsoid(point(28, -50, 22), radii(48, 46, 30), [0, -8, 0]);
  const renal = ellipsoid(point(-58, 26, -20), radii(31, 34, 52));
  return bumpy(subtract(lobes, hilum, underLeft, renal), 1.6, valueNoise(growth.rng.uint32() | 0, 24));
}

function liverVessels({ point }: Growth): Solid[] {
  const vein = (x: number, y: number, z: number) => {
    const [ax, ay, az] = point(-22, -30, 84);
    const [bx, by, bz] = point(x, y, z);
    const middle = [(ax + bx) / 2 - 4, (ay + by) / 2, (az + bz) / 2 + 8] as const;
    return tube([
      [ax, ay, az, 5.5],
      [...middle, 4.2],
      [bx, by, bz, 2],
    ]);
  };
  const branch = (x: number, y: number, z: number, bend: number) => {
    const [ax, ay, az] = point(-52, -46, 44);
    const [bx, by, bz] = point(x, y, z);
    return tube([
      [ax, ay, az, 5],
      [(ax + bx) / 2, (ay + by) / 2 + bend, (az + bz) / 2, 3.6],
      [bx, by, bz, 1.8],
    ]);
  };
  return [
    vein(-106, -12, 40),
    vein(-70, -78, 40),
    vein(-2, -88, 62),
    branch(-104, -40, 28, 8),
    branch(-92, 16, 26, 6),
    branch(-84, -30, -20, 8),
    branch(6, -80, 58, -8),
  ];
}

function liverLesions(growth: Growth): Solid[] {
  const { rng, point } = growth;
  const count = rng.chance(0.4) ? rng.integer(1, 4) : 0;
  return Array.from({ length: count }, () => {
    const radius = rng.uniform(4, 12);
    return ellipsoid(point(rng.uniform(-105, -50), rng.uniform(-70, 10), rng.uniform(0, 70)), [radius, radius, radius]);
  });
}

/** The liver with its vessels and, in some patients, cysts. All of it is labelled liver. */
export function liverParts(patient: Patient, tissues: Tissues, within: Solid): Part[] {
  const growth = grow(patient, 'liver', { shift: 4, size: 0.035, bend: 3 });
  const liver = liverSolid(growth);
  // Vessels and cysts are part of the liver only where they lie in it.
  const inside = intersect(inset(liver, 2), within);
  return [
    part('liver', tissues.liver, liver, within),
    ...liverVessels(growth).map((vessel) => part('liver', tissues.liverVessel, vessel, inside)),
    ...liverLesions(growth).map((lesion) => part('liver', tissues.lesion, lesion, inside)),
  ];
}

/** The spleen: a lens behind the stomach, hollow towards it. */
export function spleenParts(patient: Patient, tissues: Tissues, within: Solid): Part[] {
  const growth = grow(patient, 'spleen', { shift: 3.5, size: 0.07 });
  const { point, radii } = growth;
  const body = ellipsoid(point(89, 11, 53), radii(37, 49, 52), [0, -14, 12]);
  const hollowSide = ellipsoid(point(60, -12, 56), radii(31, 34, 50), [0, -14, 12]);
  const solid = bumpy(subtract(body, hollowSide), 1.5, valueNoise(growth.rng.uint32() | 0, 20));
  return [part('spleen', tissues.spleen, solid, within)];
}

function kidneyParts(side: 'right' | 'left', patient: Patient, tissues: Tissues, within: Solid): Part[] {
  const organ: Organ = side === 'right' ? 'right kidney' : 'left kidney';
  const growth = grow(patient, organ, { shift: 2.5, size: 0.06 });
  const sign = side === 'right' ? -1 : 1;
  const height = side === 'right' ? -22 : -10;
  // Upper poles lean to the spine and to the back.
  const whole = ellipsoid(growth.point(sign * 62, 18, height), growth.radii(28, 29, 55), [10, sign * 11, 0]);
  const sinus = ellipsoid(growth.point(sign * 44, 10, height), growth.radii(15, 8, 21), [10, sign * 11, sign * 20]);
  const pelvis = tube([
    [...growth.point(sign * 52, 13, height), 5.5],
    [...growth.point(sign * 40, 12, height - 8), 4],
    [...growth.point(sign * 34, 8, height - 40), 2.2],
    [sign * 36, -4, -100, 2],
  ]);
  return [
    {
      organ,
      solid: bumpy(whole, 1.2, valueNoise(growth.rng.uint32() | 0, 14)),
      within,
      layers: [
        { depth: 0, material: tissues.renalCortex },
        { depth: 8, material: tissues.renalMedulla },
      ],
    },
    part(null, tissues.visceralFat, sinus),
    part(null, tissues.urine, pelvis),
  ];
}

/** Both kidneys. The fat and the pelvis in the sinus are background, as in the benchmarks' labels. */
export function kidneysParts(patient: Patient, tissues: Tissues, within: Solid): Part[] {
  return [...kidneyParts('right', patient, tissues, within), ...kidneyParts('left', patient, tissues, within)];
}

/** The adrenal glands on top of the kidneys: thin limbs that meet in front. The smallest organs of the body. */
export function adrenalParts(patient: Patient, tissues: Tissues): Part[] {
  const right = grow(patient, 'right adrenal gland', { shift: 1, size: 0.05, bend: 1 });
  const left = grow(patient, 'left adrenal gland', { shift: 1, size: 0.05, bend: 1 });
  const limb = (growth: Growth, ends: readonly (readonly [number, number])[], low: number, high: number): Solid => {
    const path = ends.map(([x, y]) => {
      const [px, py] = growth.point(x, y, 0);
      return [px, py] as const;
    });
    const [, , shift] = growth.point(0, 0, 0);
    const [thickness] = growth.radii(4.4, 0, 0);
    return plate(path, low + shift, high + shift, thickness);
  };
  const rightGland = union([
    limb(
      right,
      [
        [-28, -6],
        [-32, 6],
        [-38, 15],
      ],
      30,
      53,
    ),
    limb(
      right,
      [
        [-31, 3],
        [-28, 12],
      ],
      30,
      45,
    ),
  ]);
  const leftGland = union([
    limb(
      left,
      [
        [31, -8],
        [31, 2],
        [40, 9],
      ],
      22,
      45,
    ),
    limb(
      left,
      [
        [31, 0],
        [29, 11],
      ],
      22,
      39,
    ),
  ]);
  return [
    part('right adrenal gland', tissues.adrenal, rightGland),
    part('left adrenal gland', tissues.adrenal, leftGland),
  ];
}

/** The pancreas: head in the arch of the duodenum, body across the spine, tail towards the spleen. */
export function pancreasParts(patient: Patient, tissues: Tissues, within: Solid): Part[] {
  const growth = grow(patient, 'pancreas', { shift: 2, size: 0.08, bend: 2 });
  const axis = growth.path([
    [-26, -44, -50, 9],
    [-32, -47, -34, 16],
    [-30, -53, -16, 17],
    [-18, -60, -5, 13],
    [-4, -65, 1, 11.5],
    [14, -65, 8, 12],
    [36, -49, 15, 12.5],
    [56, -26, 23, 12.5],
    [73, -8, 31, 10],
  ]);
  const lobules = bumpy(tube(axis, 0.85), 2.6, valueNoise(growth.rng.uint32() | 0, 9));
  return [part('pancreas', tissues.pancreas, lobules, within)];
}

/** The gallbladder under the right lobe. */
export function gallbladderParts(patient: Patient, tissues: Tissues, within: Solid): Part[] {
  const growth = grow(patient, 'gallbladder', { shift: 2.5, size: 0.1 });
  const pear = tube(
    growth.path([
      [-38, -56, 14, 4],
      [-46, -68, 2, 9],
      [-53, -80, -12, 14],
      [-57, -87, -22, 13],
    ]),
  );
  return [
    {
      organ: 'gallbladder',
      solid: pear,
      within,
      layers: [
        { depth: 0, material: tissues.gallbladderWall },
        { depth: 1.6, material: tissues.bile },
      ],
    },
  ];
}
