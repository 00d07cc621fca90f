import type { AugmentationStep } from '@dinomix/core';
import type { Rng } from '@dinomix/volume';

/** How many of the six transforms are chosen, and how likely each of them then happens. */
const CHOSEN = 3;
const PROBABILITY = 0.7;

const LARGEST_ANGLE = (15 / 180) * Math.PI;

/** A factor below or above 1, each half of the time, as batchgenerators draws it. */
function aroundOne(low: number, high: number, rng: Rng): number {
  return rng.chance(0.5) && low < 1 ? rng.uniform(low, 1) : rng.uniform(Math.max(low, 1), high);
}

const DRAW: Readonly<Record<AugmentationStep['kind'], (rng: Rng) => number>> = {
  rotate: (rng) => rng.uniform(-LARGEST_ANGLE, LARGEST_ANGLE),
  scale: (rng) => aroundOne(0.7, 1, rng),
  blur: (rng) => rng.uniform(0.7, 1.3),
  brightness: (rng) => rng.uniform(0.7, 1.3),
  contrast: (rng) => aroundOne(0.7, 1.3, rng),
  gamma: (rng) => aroundOne(0.7, 1.3, rng),
};

const KINDS = Object.keys(DRAW) as readonly AugmentationStep['kind'][];

/**
 * Draws the strong augmentation of A&D (method.md §2.4): three of six transforms, each with probability 0.7. Rotation
 * about z by up to 15 degrees, enlargement by up to 1 / 0.7 in half of the cases, blur, brightness, contrast, gamma.
 */
export function drawStrong(rng: Rng): readonly AugmentationStep[] {
  return rng
    .permutation(KINDS.length)
    .slice(0, CHOSEN)
    .flatMap((index) => {
      const kind = KINDS[index]!;
      return rng.chance(PROBABILITY) ? [{ kind, value: DRAW[kind](rng) }] : [];
    });
}
