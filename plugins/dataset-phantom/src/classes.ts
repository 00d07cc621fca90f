import type { ClassInfo } from '@dinomix/core';
import { labelColour, type Triple } from '@dinomix/volume';
import type { Organ } from './anatomy/part.js';
import type { FieldOfView } from './phantom.js';

/** A benchmark whose labels the phantom can wear. */
export type Benchmark = 'synapse' | 'amos';

/** Organs in the order of their label values, starting with 1 (method.md §2.7). */
export const ORGANS: Readonly<Record<Benchmark, readonly Organ[]>> = {
  synapse: [
    'spleen',
    'right kidney',
    'left kidney',
    'gallbladder',
    'esophagus',
    'liver',
    'stomach',
    'aorta',
    'inferior vena cava',
    'portal and splenic veins',
    'pancreas',
    'right adrenal gland',
    'left adrenal gland',
  ],
  amos: [
    'spleen',
    'right kidney',
    'left kidney',
    'gallbladder',
    'esophagus',
    'liver',
    'stomach',
    'aorta',
    'inferior vena cava',
    'pancreas',
    'right adrenal gland',
    'left adrenal gland',
    'duodenum',
    'bladder',
    'prostate or uterus',
  ],
};

/** What a scan of each benchmark covers. */
export const FIELD_OF_VIEW: Readonly<Record<Benchmark, FieldOfView>> = {
  synapse: 'abdomen',
  amos: 'abdomen and pelvis',
};

/** Voxels [d, h, w] below which thin organs fall between the voxels' centres. */
export const SMALLEST_SHAPE: Readonly<Record<Benchmark, Triple>> = {
  synapse: [32, 64, 64],
  amos: [48, 64, 64],
};

// The smallest organs of each benchmark (method.md §1.5.2).
const TAIL: Readonly<Record<Benchmark, readonly Organ[]>> = {
  synapse: ['esophagus', 'right adrenal gland', 'left adrenal gland', 'gallbladder', 'portal and splenic veins'],
  amos: ['esophagus', 'right adrenal gland', 'left adrenal gland', 'gallbladder', 'prostate or uterus', 'duodenum'],
};

/** The same colour for an organ in both benchmarks: the portal vein, which AMOS does not have, has the value 10 in Synapse. */
function colourOf(benchmark: Benchmark, value: number): ClassInfo['colour'] {
  return labelColour(benchmark === 'amos' && value >= 10 ? value + 1 : value);
}

/** Returns the classes of a benchmark with the background. */
export function classesOf(benchmark: Benchmark): readonly ClassInfo[] {
  const organs = ORGANS[benchmark].map((name, index) => ({
    index: index + 1,
    name,
    colour: colourOf(benchmark, index + 1),
    tail: TAIL[benchmark].includes(name),
  }));
  return [{ index: 0, name: 'background', colour: labelColour(0), tail: false }, ...organs];
}
