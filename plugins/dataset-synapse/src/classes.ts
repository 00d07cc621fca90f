import type { ClassInfo } from '@dinomix/core';

type Row = readonly [name: string, colour: ClassInfo['colour'], tail?: boolean];

// Label values 1 to 13 in order (method.md §2.7); the tail is the five smallest.
const ORGANS: readonly Row[] = [
  ['spleen', [214, 94, 94]],
  ['right kidney', [86, 180, 95]],
  ['left kidney', [72, 140, 230]],
  ['gallbladder', [240, 215, 60], true],
  ['esophagus', [240, 140, 50], true],
  ['liver', [160, 100, 190]],
  ['stomach', [60, 190, 190]],
  ['aorta', [225, 40, 120]],
  ['inferior vena cava', [100, 120, 210]],
  ['portal and splenic veins', [40, 220, 160], true],
  ['pancreas', [235, 170, 130]],
  ['right adrenal gland', [250, 250, 120], true],
  ['left adrenal gland', [150, 240, 90], true],
];

/** Background and the 13 organs. */
export const CLASSES: readonly ClassInfo[] = [
  { index: 0, name: 'background', colour: [0, 0, 0], tail: false },
  ...ORGANS.map(([name, colour, tail = false], index) => ({ index: index + 1, name, colour, tail })),
];
