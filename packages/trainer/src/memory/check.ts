import { byteSize, type MemoryEstimate, type MemoryRoom } from '@dinomix/core';
import { trainerError } from '../errors.js';
import { type EstimateOptions, estimateMemory } from './estimate.js';
import { leversOf, type OpenVariant, type WeighedLever, weighLevers } from './levers.js';
import { memoryRoom } from './room.js';

/** What {@link checkMemory} takes. */
export interface MemoryCheck extends EstimateOptions {
  /** Goes on where the memory will not suffice. */
  readonly force: boolean;
  /** Sets up the config with more overrides, to say what they would save; absent says nothing of it. */
  readonly open: OpenVariant | null;
  /** Told before the decision. */
  readonly onEstimate: (estimate: MemoryEstimate, room: MemoryRoom) => Promise<void>;
}

/** Parts in the order of their sizes: `activations 8.10 GB, weights and optimizer 0.61 GB`. */
export function partsText(parts: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(parts).sort(([, a], [, b]) => b - a);
  return sorted.map(([name, bytes]) => `${name} ${byteSize(bytes)}`).join(', ');
}

/** `--set train.batch.labelled=1  saves 6.20 GB: 12.40 GB, which fits`. */
function leverText({ overrides, saves, peak }: WeighedLever, room: number): string {
  const fits = peak <= room ? ', which fits' : '';
  return `${overrides.join(' ')}  saves ${byteSize(saves)}: ${byteSize(peak)}${fits}`;
}

/**
 * Judges the memory of a training before anything large is allocated.
 * @returns what was found; null where nobody can tell.
 * @throws DMX_MEMORY where it will not suffice; every error of {@link estimateMemory}.
 */
export async function checkMemory(check: MemoryCheck) {
  const { open, force, onEstimate } = check;
  const estimate = await estimateMemory(check);
  if (estimate === null) return null;
  const room = memoryRoom();
  await onEstimate(estimate, room);
  if (estimate.peak <= room.bytes || force) return { estimate, room };
  const weighed = open === null ? [] : await weighLevers(check, estimate.peak, open);
  const known = weighed.length > 0 ? [] : await leversOf(check);
  const levers = [
    ...weighed.map((lever) => leverText(lever, room.bytes)),
    ...known.map(({ overrides }) => overrides.join(' ')),
  ];
  throw trainerError('DMX_MEMORY', { peak: estimate.peak, parts: partsText(estimate.parts), ...room, levers });
}
