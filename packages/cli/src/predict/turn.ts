import { orientationOf, planReorientation, type Reorientation, type Volume } from '@dinomix/volume';
import type { NetworkFacts } from './network-facts.js';

/** How an image is turned before the network sees it, and what a person should know of its axes. */
export interface Turn {
  /** Null leaves the axes as they are. */
  readonly plan: Reorientation | null;
  readonly notes: readonly string[];
}

/**
 * Chooses how to turn an image. A network that was trained without turning axes takes an image with other axes than those it
 * learned from for a mirrored one.
 */
export function turnFor({ preprocessing, axes: learned }: NetworkFacts, image: Volume): Turn {
  if (preprocessing.orientation !== 'keep') return { plan: null, notes: [] };
  const axes = orientationOf(image.affine);
  if (learned === null) {
    const note = `axes are taken as the file has them, ${axes}: right only where the files that the network learned from have these`;
    return { plan: null, notes: [note] };
  }
  if (axes === learned) return { plan: null, notes: [] };
  const note = `turned from ${axes} to ${learned}, the axes of the files that the network learned from, and back`;
  return { plan: planReorientation(image, learned), notes: [note] };
}
