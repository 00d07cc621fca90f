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
