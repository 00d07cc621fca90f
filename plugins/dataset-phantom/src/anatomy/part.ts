import type { Solid } from '../shapes/solid.js';
import type { Material } from './materials.js';

/** Every structure that a data set may label. */
export type Organ =
  | 'spleen'
  | 'right kidney'
  | 'left kidney'
  | 'gallbladder'
  | 'esophagus'
  | 'liver'
  | 'stomach'
  | 'aorta'
  | 'inferior vena cava'
  | 'portal and splenic veins'
  | 'pancreas'
  | 'right adrenal gland'
  | 'left adrenal gland'
  | 'duodenum'
  | 'bladder'
  | 'prostate or uterus';

/** One body of the phantom. Parts are painted in order: a later part covers an earlier one. */
export interface Part {
  /** The organ whose label its voxels get; null for background. */
  readonly organ: Organ | null;
  readonly solid: Solid;
  /** Only what lies inside of this is painted. */
  readonly within?: Solid;
  /** Materials from the surface inwards; `depth` in mm, the first at 0, rising. */
  readonly layers: readonly { readonly depth: number; readonly material: Material }[];
}

/** A part of one material. */
export function part(organ: Organ | null, material: Material, solid: Solid, within?: Solid): Part {
  const layers = [{ depth: 0, material }];
  return within === undefined ? { organ, solid, layers } : { organ, solid, within, layers };
}

/** A part with a wall of `thickness` mm around another material. */
export function hollow(
  organ: Organ | null,
  wall: Material,
  thickness: number,
  content: Material,
  solid: Solid,
  within?: Solid,
): Part {
  const layers = [
    { depth: 0, material: wall },
    { depth: thickness, material: content },
  ];
  return within === undefined ? { organ, solid, layers } : { organ, solid, within, layers };
}
