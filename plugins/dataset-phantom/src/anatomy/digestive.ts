import type { Rng } from '@dinomix/volume';
import { valueNoise } from '../shapes/noise.js';
import { bumpy, inset, restrict, type Solid } from '../shapes/solid.js';
import { type TubePoint, tube } from '../shapes/tube.js';
import type { Material, Tissues } from './materials.js';
import { hollow, type Part, part } from './part.js';
import { grow, type Patient } from './patient.js';

const STOMACH: readonly TubePoint[] = [
  [58, -6, 88, 18],
  [64, -18, 76, 28],
  [67, -40, 54, 30],
  [64, -64, 26, 27],
  [54, -84, 0, 23],
  [32, -95, -20, 20],
  [6, -94, -24, 17],
  [-16, -86, -18, 13],
  [-32, -76, -10, 8],
];

const DUODENUM: readonly TubePoint[] = [
  [-34, -74, -9, 9],
  [-45, -66, -2, 11.5],
  [-54, -50, -12, 11.5],
  [-55, -40, -38, 11.5],
  [-48, -37, -64, 11.5],
  [-22, -48, -76, 11],
  [8, -55, -74, 10.5],
  [28, -58, -58, 10.5],
  [32, -62, -36, 9.5],
];

const ESOPHAGUS: readonly TubePoint[] = [
  [4, -22, 192, 7.5],
  [6, -24, 140, 7.5],
  [11, -32, 104, 7.5],
  [18, -40, 80, 7.5],
  [28, -44, 66, 8],
  [40, -44, 60, 8],
];

const COLON: readonly TubePoint[] = [
  [-84, -38, -178, 20],
  [-90, -24, -150, 22],
  [-96, -12, -110, 20],
  [-92, -16, -78, 18],
  [-78, -46, -60, 18],
  [-58, -92, -64, 18],
  [-14, -106, -76, 17],
  [30, -106, -70, 17],
  [70, -88, -44, 17],
  [96, -52, -10, 17],
  [106, -18, 6, 16],
  [108, 8, -28, 15],
  [103, 8, -85, 14],
  [92, -2, -140, 14],
  [78, -32, -185, 14],
  [40, -52, -214, 15],
  [8, -34, -214, 15],
  [-6, 4, -222, 15],
  [0, 26, -262, 18],
  [0, 30, -320, 16],
];

/** The part of a solid in front of a level: gas rises to the front of a patient who lies on the back. */
function floatingGas(solid: Solid, wall: number, level: number): Solid {
  return restrict(inset(solid, wall), (_x, y) => y - level);
}

/** The stomach: wall, content of one of three kinds, and a bubble of gas. */
export function stomachParts(patient: Patient, tissues: Tissues, within: Solid): Part[] {
  const growth = grow(patient, 'stomach', { shift: 3, size: 0.09, bend: 3 });
  const solid = bumpy(tube(growth.path(STOMACH)), 2, valueNoise(growth.rng.uint32() | 0, 16));
  const contents: readonly Material[] = [tissues.gastricContent, tissues.bowelContrast, tissues.duodenalContent];
  const content = growth.rng.choice(contents, [0.6, 0.15, 0.25]);
  const level = growth.rng.uniform(-88, -56);
  return [
    hollow('stomach', tissues.gastricWall, 4, content, solid, within),
    part('stomach', tissues.gas, floatingGas(solid, 4, level), within),
  ];
}

/** The duodenum; background where a data set does not label it. */
export function duodenumParts(patient: Patient, tissues: Tissues, within: Solid): Part[] {
  const growth = grow(patient, 'duodenum', { shift: 2, size: 0.08, bend: 2 });
  const solid = bumpy(tube(growth.path(DUODENUM)), 1.5, valueNoise(growth.rng.uint32() | 0, 10));
  const parts = [hollow('duodenum', tissues.duodenalWall, 3, tissues.duodenalContent, solid, within)];
  if (!growth.rng.chance(0.3)) return parts;
  const bubble = floatingGas(solid, 3, growth.rng.uniform(-70, -58));
  return [...parts, part('duodenum', tissues.gas, bubble, within)];
}

/** The esophagus from the chest to the cardia, with or without a little air. */
export function esophagusParts(patient: Patient, tissues: Tissues): Part[] {
  const growth = grow(patient, 'esophagus', { shift: 1.5, size: 0.07, bend: 1 });
  const solid = tube(growth.path(ESOPHAGUS), 0.85);
  const lumen = growth.rng.chance(0.4) ? tissues.gas : tissues.esophagealWall;
  return [hollow('esophagus', tissues.esophagealWall, 5, lumen, solid)];
}

/** The colon: haustra, stool and gas. Never labelled. */
export function colonParts(patient: Patient, tissues: Tissues, within: Solid): Part[] {
  const growth = grow(patient, 'colon', { shift: 3, size: 0.1, bend: 4 });
  const solid = bumpy(tube(growth.path(COLON)), 3.5, valueNoise(growth.rng.uint32() | 0, 17));
  const level = growth.rng.uniform(-104, -70);
  return [
    hollow(null, tissues.colonWall, 2.5, tissues.stool, solid, within),
    part(null, tissues.gas, floatingGas(solid, 2.5, level), within),
  ];
}

/** Where a loop of small bowel may lie: lowest and highest x, y, z in mm. */
type Region = readonly [low: readonly [number, number, number], high: readonly [number, number, number]];

const JEJUNUM: Region = [
  [2, -104, -110],
  [92, -34, -14],
];
const ILEUM: Region = [
  [-78, -106, -205],
  [78, -44, -62],
];

function loop(rng: Rng, [low, high]: Region): TubePoint[] {
  const radius = rng.uniform(9, 13.5);
  const draw = (axis: 0 | 1 | 2) => rng.uniform(low[axis], high[axis]);
  const keep = (axis: 0 | 1 | 2, value: number) => Math.max(low[axis], Math.min(high[axis], value));
  let [x, y, z] = [draw(0), draw(1), draw(2)];
  const path: TubePoint[] = [];
  let heading = rng.uniform(0, 2 * Math.PI);
  for (let step = 0; step < 7; step++) {
    path.push([x, y, z, radius]);
    heading += rng.uniform(-1.3, 1.3);
    x = keep(0, x + 26 * Math.cos(heading));
    y = keep(1, y + rng.uniform(-14, 14));
    z = keep(2, z + 22 * Math.sin(heading));
  }
  return path;
}

const JEJUNAL_LOOPS = 9;
const LOOPS = 26;

/** Loops of small bowel with walls and contents as bright as organs. Never labelled. */
export function smallBowelParts(patient: Patient, tissues: Tissues, within: Solid): Part[] {
  const rng = patient.stream('bowel');
  const oralContrast = rng.chance(0.35);
  return Array.from({ length: LOOPS }, (_, index): Part => {
    const content = oralContrast && rng.chance(0.6) ? tissues.bowelContrast : tissues.bowelFluid;
    const isCollapsed = rng.chance(0.3);
    const path = loop(patient.stream(`bowel loop ${index}`), index < JEJUNAL_LOOPS ? JEJUNUM : ILEUM);
    const solid = bumpy(tube(path), 1.2, valueNoise(rng.uint32() | 0, 8));
    return hollow(null, tissues.bowelWall, isCollapsed ? 9 : 2.4, content, solid, within);
  });
}

const MESENTERIC_VESSELS = 16;

/** Small vessels in the fat between the loops of bowel. */
export function mesentericParts(patient: Patient, tissues: Tissues, within: Solid): Part[] {
  const rng = patient.stream('mesentery');
  return Array.from({ length: MESENTERIC_VESSELS }, () => {
    const [x, y, z] = [rng.uniform(-70, 80), rng.uniform(-100, -45), rng.uniform(-160, -30)];
    const path: TubePoint[] = [
      [4, -66, z * 0.5 - 20, 2.2],
      [x / 2 + rng.uniform(-8, 8), (y - 66) / 2 + rng.uniform(-8, 8), z * 0.75 - 10, 1.8],
      [x, y, z, 1.2],
    ];
    return part(null, tissues.smallVessel, tube(path), within);
  });
}
