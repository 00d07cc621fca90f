import { column } from '../shapes/column.js';
import { ellipsoid, plate } from '../shapes/primitives.js';
import { mirror, restrict, type Solid, solidOf, subtract, union } from '../shapes/solid.js';
import { type TubePoint, tube } from '../shapes/tube.js';
import type { Tissues } from './materials.js';
import { type Part, part } from './part.js';

// Middle of the vertebral bodies from L5 up to T6, mm above that of L1.
const LEVELS = [-141, -105, -70, -35, 0, 32, 61, 88, 113, 137, 160, 182] as const;

// The curve of the spine: z and y of the vertebral bodies' axis.
const SPINE: readonly (readonly [number, number])[] = [
  [-370, 34],
  [-300, 48],
  [-260, 56],
  [-220, 44],
  [-180, 14],
  [-141, -3],
  [-105, -9],
  [-70, -8],
  [-35, -4],
  [0, 0],
  [61, 7],
  [113, 14],
  [190, 20],
];

/** Returns where the axis of the spine lies at a height: mm behind that of the first lumbar vertebra. */
export function spineY(z: number): number {
  const upper = SPINE.findIndex(([height]) => height >= z);
  if (upper <= 0) return SPINE[upper === 0 ? 0 : SPINE.length - 1]![1];
  const [z0, y0] = SPINE[upper - 1]!;
  const [z1, y1] = SPINE[upper]!;
  const t = (z - z0) / (z1 - z0);
  return y0 + (y1 - y0) * t * t * (3 - 2 * t);
}

function nearestLevel(z: number): number {
  let best: number = LEVELS[0];
  for (const level of LEVELS) if (Math.abs(z - level) < Math.abs(z - best)) best = level;
  return best;
}

function spineColumn(halfWidth: number, halfDepth: number, y: number): Solid {
  const heights = [-155, -105, -70, -35, 0, 32, 61, 88, 113, 137, 190];
  return column(
    heights.map((z) => {
      const size = z > 20 ? 1 - (z - 20) / 700 : 1;
      return { z, halfWidth: halfWidth * size, halfDepth: halfDepth * size, y: spineY(z) + y };
    }),
  );
}

/** Vertebral bodies: the column cut into pieces 26 mm high with discs between them. */
function vertebralBodies(): Solid {
  const whole = spineColumn(24, 18, 0);
  return restrict(whole, (_x, _y, z) => {
    const level = nearestLevel(z);
    return Math.abs(z - level) - (level > 40 ? 10.5 : 13.5);
  });
}

/** Arches, transverse and spinous processes of all vertebrae, in the coordinates of the nearest one. */
function vertebralArches(): Solid {
  const canalY = 27;
  const ring = subtract(ellipsoid([0, canalY, 0], [18, 16, 14]), column([-370, 190].map((z) => canal(z, canalY))));
  const spinous = ellipsoid([0, 52, -7], [3.6, 19, 11]);
  const transverse = union([
    tube([
      [12, 24, 2, 5.5],
      [26, 28, 3, 5],
      [40, 30, 4, 3.5],
    ]),
    mirror(
      tube([
        [12, 24, 2, 5.5],
        [26, 28, 3, 5],
        [40, 30, 4, 3.5],
      ]),
    ),
  ]);
  const facets = union([ellipsoid([15, 35, -8], [7, 7, 12]), ellipsoid([-15, 35, -8], [7, 7, 12])]);
  const one = union([ring, spinous, transverse, facets], 3);
  return solidOf({ low: [-46, -5, -160], high: [46, 105, 190] }, (x, y, z) => {
    const level = nearestLevel(z);
    return one.distance(x, y - spineY(level), z - level);
  });
}

function canal(z: number, y: number) {
  return { z, halfWidth: 11, halfDepth: 9, y };
}

// Height at the spine, height at the end, and how far round the chest each rib goes in degrees from the back.
const RIBS: readonly (readonly [number, number, number])[] = [
  [205, 118, 150],
  [182, 92, 148],
  [160, 66, 140],
  [137, 48, 130],
  [113, 32, 118],
  [88, 18, 105],
  [61, 8, 84],
  [34, -2, 52],
];

function rib([start, end, degrees]: readonly [number, number, number]): Solid {
  const points: TubePoint[] = [];
  for (let step = 0; step <= 10; step++) {
    const t = step / 10;
    const angle = ((14 + (degrees - 14) * t) * Math.PI) / 180;
    const z = start + (end - start) * t * (0.7 + 0.3 * t);
    // The ellipse runs in the middle of the chest wall.
    const y = -24 + spineY(z) * 0.6 + 90 * Math.cos(angle);
    points.push([138 * Math.sin(angle), y, z, 5.2 - 0.8 * t]);
  }
  return tube(points);
}

/** Spine and ribs. */
export function skeletonParts(tissues: Tissues): Part[] {
  const bone = (solid: Solid, cortex: number): Part => ({
    organ: null,
    solid,
    layers: [
      { depth: 0, material: tissues.cortical },
      { depth: cortex, material: tissues.trabecular },
    ],
  });
  const ribs = RIBS.map(rib);
  return [
    part(null, tissues.disc, spineColumn(23, 17, 0)),
    bone(vertebralBodies(), 1.8),
    bone(vertebralArches(), 2),
    part(null, tissues.spinalCanal, spineColumn(10.5, 8.5, 27)),
    ...ribs.flatMap((solid) => [bone(solid, 1.8), bone(mirror(solid), 1.8)]),
    ...pelvisSolids().map((solid) => bone(solid, 2.5)),
  ];
}

function pelvisSolids(): Solid[] {
  const sacrum = column(
    [
      [-290, 14, 7],
      [-260, 24, 10],
      [-220, 42, 15],
      [-180, 52, 19],
      [-157, 38, 18],
    ].map(([z, halfWidth, halfDepth]) => ({ z: z!, halfWidth: halfWidth!, halfDepth: halfDepth!, y: spineY(z!) + 3 })),
  );
  const socket = subtract(ellipsoid([88, -34, -286], [33, 34, 36]), ellipsoid([92, -36, -288], [26, 26, 26]));
  const femur = union(
    [
      ellipsoid([92, -36, -288], [23.5, 23.5, 23.5]),
      tube([
        [94, -34, -292, 16],
        [122, -26, -318, 15],
        [136, -16, -334, 19],
        [136, -18, -372, 17],
      ]),
    ],
    6,
  );
  const pubis = tube([
    [74, -62, -296, 11],
    [42, -82, -306, 8.5],
    [12, -90, -318, 11],
    [6, -88, -338, 10],
    [26, -66, -360, 8],
  ]);
  const ischium = tube([
    [82, -4, -290, 15],
    [72, 18, -322, 14],
    [64, 20, -352, 17],
  ]);
  return [sacrum, ...[iliacWing(), socket, femur, pubis, ischium].flatMap((solid) => [solid, mirror(solid)])];
}

/** A wing of the ilium: a flaring plate from the sacroiliac joint to the anterior spine, narrower towards the hip. */
function iliacWing(): Solid {
  const blade = plate(
    [
      [44, 50],
      [56, 44],
      [78, 24],
      [98, -4],
      [112, -36],
      [118, -58],
    ],
    -270,
    -100,
    8.5,
  );
  return solidOf({ low: [30, -75, -270], high: [130, 65, -100] }, (x, y, z) => {
    const narrowing = Math.min(1, 1 + (z + 150) * 0.0022);
    const front = y < 0 ? -y : 0;
    // The crest is highest at the side and falls to the front.
    const crest = -114 - front * 0.55 - Math.max(0, y - 25) * 0.5;
    return Math.max(blade.distance(x / narrowing, y, z), z - crest);
  });
}

/** The muscles inside the wall: psoas, quadratus lumborum and the crura of the diaphragm. */
export function muscleParts(tissues: Tissues): Part[] {
  const psoas = tube([
    [22, 2, -5, 7],
    [30, 4, -45, 14],
    [38, 0, -90, 19],
    [46, -8, -135, 21],
    [60, -30, -200, 20],
    [84, -62, -270, 18],
    [96, -56, -330, 16],
  ]);
  const iliacus = tube([
    [78, 8, -122, 8],
    [82, -2, -160, 14],
    [86, -20, -205, 15],
    [92, -48, -260, 14],
    [96, -58, -320, 12],
  ]);
  const quadratus = tube([
    [52, 40, 22, 8],
    [62, 40, -40, 13],
    [76, 36, -112, 16],
  ]);
  const crusLeft = tube([
    [12, -14, -50, 3],
    [17, -16, -5, 5],
    [22, -14, 35, 6],
    [24, -14, 70, 4.5],
  ]);
  const crusRight = tube([
    [-10, -16, -65, 3],
    [-13, -21, -10, 6],
    [-14, -23, 30, 7.5],
    [-8, -24, 68, 5],
  ]);
  const piriformis = tube([
    [34, 40, -225, 14],
    [80, 45, -262, 13],
  ]);
  const pairs = [psoas, iliacus, quadratus, piriformis].flatMap((solid) => [solid, mirror(solid)]);
  return [...pairs, crusLeft, crusRight].map((solid) => part(null, tissues.muscle, solid));
}
