import type { Solid } from '../shapes/solid.js';
import { type TubePoint, tube } from '../shapes/tube.js';
import type { Tissues } from './materials.js';
import { type Part, part } from './part.js';
import { grow, type Patient } from './patient.js';

const AORTA: readonly TubePoint[] = [
  [24, -2, 192, 12],
  [21, -7, 120, 11.5],
  [15, -15, 70, 11],
  [8, -25, 25, 10.5],
  [5, -30, -20, 9.5],
  [3, -36, -65, 9],
  [2, -39, -102, 8.5],
];

const VENA_CAVA: readonly TubePoint[] = [
  [-13, -36, -112, 9.5],
  [-18, -34, -65, 10.5],
  [-22, -29, -20, 11],
  [-25, -26, 20, 11.5],
  [-25, -27, 58, 11.5],
  [-23, -34, 88, 12],
  [-14, -46, 116, 12],
];

const PORTAL: readonly TubePoint[] = [
  [-4, -47, -8, 7],
  [-12, -47, 8, 7.5],
  [-24, -47, 26, 8],
  [-40, -47, 40, 7.5],
  [-56, -46, 46, 5.5],
];

const SPLENIC: readonly TubePoint[] = [
  [82, 4, 40, 4.2],
  [70, 2, 34, 4.8],
  [54, -13, 25, 5],
  [36, -34, 15, 5.2],
  [14, -50, 4, 5.5],
  [-4, -47, -8, 6],
];

/** Branches that carry no label, with their paths. */
const BRANCHES: readonly (readonly TubePoint[])[] = [
  // Superior mesenteric vein and artery, coeliac trunk.
  [
    [-4, -47, -8, 5.5],
    [-5, -60, -40, 5],
    [-2, -72, -80, 4],
    [6, -76, -115, 3],
  ],
  [
    [6, -38, 4, 3.6],
    [7, -52, -14, 3.6],
    [8, -64, -45, 3.4],
    [10, -70, -90, 2.6],
  ],
  [
    [8, -30, 18, 3.6],
    [6, -46, 24, 3.4],
    [-12, -54, 26, 2.6],
  ],
  [
    [6, -46, 24, 3],
    [28, -40, 26, 2.4],
    [56, -18, 34, 2.2],
    [78, 0, 42, 2],
  ],
  // Renal veins and arteries.
  [
    [40, 9, -10, 5],
    [22, -24, -12, 4.6],
    [4, -43, -13, 4.2],
    [-16, -32, -14, 4.6],
  ],
  [
    [-42, 10, -20, 5],
    [-24, -22, -18, 5],
  ],
  [
    [6, -27, -8, 3.2],
    [26, -8, -10, 3],
    [44, 10, -10, 2.6],
  ],
  [
    [3, -27, -12, 3.2],
    [-20, -10, -16, 3],
    [-44, 11, -20, 2.6],
  ],
  // Iliac arteries and veins.
  [
    [2, -39, -102, 6.5],
    [24, -42, -140, 6],
    [44, -46, -185, 6],
    [62, -70, -250, 5],
    [74, -88, -310, 4.5],
  ],
  [
    [2, -39, -102, 6.5],
    [-20, -42, -140, 6],
    [-42, -46, -185, 6],
    [-62, -70, -250, 5],
    [-74, -88, -310, 4.5],
  ],
  [
    [-13, -36, -112, 8],
    [16, -30, -140, 7],
    [44, -34, -190, 7],
    [58, -60, -250, 6],
    [66, -84, -315, 6],
  ],
  [
    [-13, -36, -112, 8],
    [-28, -30, -145, 7],
    [-48, -34, -190, 7],
    [-58, -60, -250, 6],
    [-66, -84, -315, 6],
  ],
];

/** The great vessels; their branches are background. Esophagus and adrenals are painted after them. */
export function vesselParts(patient: Patient, tissues: Tissues): Part[] {
  const trunk = (name: string) => grow(patient, name, { shift: 1.5, size: 0.06, bend: 1.2 });
  const aorta = tube(trunk('aorta').path(AORTA));
  const cava = tube(trunk('inferior vena cava').path(VENA_CAVA), 0.8);
  // Both veins take the same growth, so that they still meet behind the neck of the pancreas.
  const portalGrowth = grow(patient, 'portal vein', { shift: 1.5, size: 0.06, bend: 0 });
  const portal: Solid[] = [tube(portalGrowth.path(PORTAL)), tube(portalGrowth.path(SPLENIC))];
  return [
    ...BRANCHES.map((path) => part(null, tissues.smallVessel, tube(path))),
    part('inferior vena cava', tissues.venaCava, cava),
    part('aorta', tissues.aorta, aorta),
    ...portal.map((solid) => part('portal and splenic veins', tissues.portalVein, solid)),
  ];
}
