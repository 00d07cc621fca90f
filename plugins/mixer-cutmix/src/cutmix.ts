import type { Index3, Mixer, MixFacts, MixItem, MixPlan, Paste, SourceRef } from '@dinomix/core';
import type { Rng } from '@dinomix/volume';
import type { CutmixOptions } from './options.js';

/** A part of the batch. */
type Part = 'labelled' | 'unlabelled';

/** Sides of the crops `[d, h, w]` and how many each part has. */
interface Batch {
  readonly crop: Index3;
  readonly count: Readonly<Record<Part, number>>;
}

/** The slot `mixer` of CutMix. */
export function createCutmix(options: CutmixOptions): Mixer {
  return {
    plan: (facts, { rng }) => planCutmix(facts, options, (part, item) => rng.stream(part, item)),
  };
}

/**
 * CutMix (Yun et al. 2019) for batches of labelled and unlabelled crops: a random box of another crop, at its own place.
 * @param streamOf - random stream of one target crop.
 */
export function planCutmix(
  facts: MixFacts,
  options: CutmixOptions,
  streamOf: (part: Part, item: number) => Rng,
): MixPlan {
  const [labelled, depth, height, width] = facts.labelledShape;
  const batch = {
    crop: [depth, height, width] as const,
    count: { labelled, unlabelled: facts.hasPseudoLabels ? facts.unlabelledShape![0] : 0 },
  };
  const mixAll = (part: Part): readonly MixItem[] =>
    facts.previous[part].map((item, index) => {
      const pastes = drawPastes(part, index, batch, options, streamOf(part, index));
      return { base: item.base, pastes: [...item.pastes, ...pastes] };
    });
  const { donors } = facts.previous;
  return { donors, labelled: mixAll('labelled'), unlabelled: mixAll('unlabelled'), pseudoWeight: options.pseudoWeight };
}

/** Parts that may give a box to this crop: the direction is allowed, and there is a crop other than itself. */
function possibleSources(target: Part, { count }: Batch, { directions }: CutmixOptions): readonly Part[] {
  const parts: readonly Part[] = ['labelled', 'unlabelled'];
  return parts.filter(
    (source) => directions.includes(`${source}-to-${target}`) && count[source] > (source === target ? 1 : 0),
  );
}

function drawPastes(target: Part, item: number, batch: Batch, options: CutmixOptions, rng: Rng): readonly Paste[] {
  const sources = possibleSources(target, batch, options);
  if (!rng.chance(options.probability) || sources.length === 0) return [];
  const set = rng.choice(sources);
  const source = { set, item: drawPartner(batch.count[set], set === target ? item : null, rng) };
  return Array.from({ length: options.boxes }, () => drawBox(source, batch.crop, options.sides, rng));
}

/** One of `count` crops, each equally likely but never `self`. */
function drawPartner(count: number, self: number | null, rng: Rng): number {
  if (self === null) return rng.integer(0, count);
  const other = rng.integer(0, count - 1);
  return other < self ? other : other + 1;
}

function drawBox(source: SourceRef, crop: Index3, [low, high]: readonly [number, number], rng: Rng): Paste {
  const size = crop.map((side) => Math.max(1, Math.round(side * rng.uniform(low, high)))) as unknown as Index3;
  const from = size.map((side, axis) => rng.integer(0, crop[axis]! - side + 1)) as unknown as Index3;
  return { source, from, to: from, size, classDrawn: null };
}
