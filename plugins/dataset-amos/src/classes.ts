import type { ClassInfo } from '@dinomix/core';
import { labelColour } from '@dinomix/volume';

type Row = readonly [name: string, tail?: boolean];

// Label values 1 to 15 in order (method.md §2.7); the tail is the six smallest.
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
  ['pancreas'],
  ['right adrenal gland', true],
  ['left adrenal gland', true],
  ['duodenum', true],
  ['bladder'],
  ['prostate or uterus', true],
];

/** The colour that the organ has in Synapse, where the portal vein has the value 10. */
function colourOf(value: number): ClassInfo['colour'] {
  return labelColour(value < 10 ? value : value + 1);
}

/** Background and the 15 organs. */
export const CLASSES: readonly ClassInfo[] = [
  { index: 0, name: 'background', colour: labelColour(0), tail: false },
  ...ORGANS.map(([name, tail = false], index) => ({ index: index + 1, name, colour: colourOf(index + 1), tail })),
];

/** Kidneys and adrenal glands: what a mirror along x exchanges. */
export const SIDES = [
  [2, 3],
  [11, 12],
] as const;
