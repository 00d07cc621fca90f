import type { ClassInfo } from '@dinomix/core';
import type { Triple } from '@dinomix/volume';
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

const COLOURS: Readonly<Record<Organ, readonly [number, number, number]>> = {
  spleen: [214, 94, 94],
  'right kidney': [86, 180, 95],
  'left kidney': [72, 140, 230],
  gallbladder: [240, 215, 60],
  esophagus: [240, 140, 50],
  liver: [160, 100, 190],
  stomach: [60, 190, 190],
  aorta: [225, 40, 120],
  'inferior vena cava': [100, 120, 210],
  'portal and splenic veins': [40, 220, 160],
  pancreas: [235, 170, 130],
  'right adrenal gland': [250, 250, 120],
  'left adrenal gland': [150, 240, 90],
  duodenum: [190, 190, 240],
  bladder: [110, 210, 250],
  'prostate or uterus': [220, 120, 200],
};

/** Returns the classes of a benchmark with the background. */
export function classesOf(benchmark: Benchmark): readonly ClassInfo[] {
  const organs = ORGANS[benchmark].map((name, index) => ({
    index: index + 1,
    name,
    colour: COLOURS[name],
    tail: TAIL[benchmark].includes(name),
  }));
  return [{ index: 0, name: 'background', colour: [0, 0, 0], tail: false }, ...organs];
}
