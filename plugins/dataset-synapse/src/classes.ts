import type { ClassInfo } from '@dinomix/core';
import { labelColour } from '@dinomix/volume';

type Row = readonly [name: string, tail?: boolean];

// Label values 1 to 13 in order (method.md §2.7); the tail is the five smallest.
const ORGANS: readonly Row[] = [
  ['spleen'],
  ['right kidney'],
  ['left kidney'],
  ['gallbladder', true],
  ['esophagus', true],
  ['liver'],
  ['stomach'],
  ['aorta'],
  ['inferior vena cava'],
  ['portal and splenic veins', true],
  ['pancreas'],
  ['right adrenal gland', true],
  ['left adrenal gland', true],
];

/** Background and the 13 organs. */
export const CLASSES: readonly ClassInfo[] = [
  { index: 0, name: 'background', colour: labelColour(0), tail: false },
  ...ORGANS.map(([name, tail = false], index) => ({ index: index + 1, name, colour: labelColour(index + 1), tail })),
];

/** Kidneys and adrenal glands: what a mirror along x exchanges. */
export const SIDES = [
  [2, 3],
  [12, 13],
] as const;
