import type { Crop, DonorBank, Index3, Paste, SourceRef } from '@dinomix/core';
import type { Rng } from '@dinomix/volume';
import type { PicOptions } from './options.js';
import { boxAround, countClasses, drawCorner, drawSize, drawVoxel, type PlacedBox } from './placement.js';

/** A part of the batch. */
export type Part = 'labelled' | 'unlabelled';

/** The labels, or pseudo-labels, of one part of the batch by crop. */
export interface PartLabels {
  /** Class indices `[d, h, w]`. */
  readonly labels: readonly Uint8Array[];
  /** Voxels per class `[k]`. */
  readonly counts: readonly Float64Array[];
}

/** Divides labels `[b, d, h, w]` into crops and counts their classes. */
export function partLabels(labels: Uint8Array, crops: number, classCount: number): PartLabels {
  const voxels = labels.length / crops;
  const single = Array.from({ length: crops }, (_, item) => labels.subarray(item * voxels, (item + 1) * voxels));
  return { labels: single, counts: single.map((one) => countClasses(one, classCount)) };
}

/** What the pastes of one step are drawn from. */
export interface DrawInputs {
  readonly options: PicOptions;
  /** Sides of the crops `[d, h, w]`. */
  readonly crop: Index3;
  /** Foreground classes, ascending, to which the probabilities belong. */
  readonly classes: readonly number[];
  /** P_e of each kind of donor by position in `classes`. */
  readonly probabilities: Readonly<Record<Part, readonly number[]>>;
  readonly bank: DonorBank;
  /** Null without pseudo-labels. */
  readonly batch: { readonly labelled: PartLabels; readonly unlabelled: PartLabels | null };
  /** Donors of the mixers before. */
  readonly donors: readonly Crop[];
}

/** Draws the pastes of one step (method.md §1.5.3 and §1.5.4). */
export class PasteDrawer {
  /** Donors of the mixers before and those drawn here. */
  readonly donors: Crop[];
  /** Boxes drawn per class `[index]`. */
  readonly drawn = new Map<number, number>();
  readonly #inputs: DrawInputs;

  constructor(inputs: DrawInputs) {
    this.#inputs = inputs;
    this.donors = [...inputs.donors];
  }

  /** Pastes for one crop: one direction for all of them, a donor and a class for each. */
  pastes(target: Part, item: number, rng: Rng): readonly Paste[] {
    const { options } = this.#inputs;
    const sources = (['labelled', 'unlabelled'] as const).filter((source) => this.#possible(source, target));
    if (!rng.chance(options.probability) || sources.length === 0) return [];
    const source = rng.choice(sources);
    return Array.from({ length: options.boxes }, () => {
      const paste =
        source === 'labelled' && options.donors === 'bank'
          ? this.#fromBank(rng)
          : this.#fromBatch(source, source === target ? item : null, rng);
      if (paste.classDrawn !== null) this.drawn.set(paste.classDrawn, (this.drawn.get(paste.classDrawn) ?? 0) + 1);
      return paste;
    });
  }

  #possible(source: Part, target: Part): boolean {
    const { options, batch, bank } = this.#inputs;
    if (!options.directions.includes(`${source}-to-${target}`)) return false;
    if (source === 'labelled' && options.donors === 'bank') return bank.classes.length > 0;
    return (batch[source]?.labels.length ?? 0) > (source === target ? 1 : 0);
  }

  /** Draws c from P_e over the classes for which `has` holds; null when there are none. */
  #drawClass(part: Part, has: (classIndex: number) => boolean, rng: Rng): number | null {
    const { classes, probabilities } = this.#inputs;
    const present = [...classes.keys()].filter((position) => has(classes[position]!));
    if (present.length === 0) return null;
    return classes[
      rng.choice(
        present,
        present.map((position) => probabilities[part][position]!),
      )
    ]!;
  }

  #fromBank(rng: Rng): Paste {
    const { bank, crop, options } = this.#inputs;
    const classDrawn = this.#drawClass('labelled', (classIndex) => bank.classes.includes(classIndex), rng);
    const donor = classDrawn === null ? null : bank.draw(classDrawn, options.placement, rng);
    if (donor === null) throw new Error(`pic: the bank of labelled volumes has no donor for class ${classDrawn}`);
    const source = { set: 'donor', item: this.donors.push(donor.crop) - 1 } as const;
    const box = boxAround(donor.voxel, drawSize(crop, options.sides, rng), crop);
    return this.#paste(source, box, classDrawn, rng);
  }

  /** A crop of the batch other than `self`; a class that it does not have falls back to a box anywhere. */
  #fromBatch(part: Part, self: number | null, rng: Rng): Paste {
    const { batch, crop, options } = this.#inputs;
    const { labels, counts } = batch[part]!;
    const others = [...labels.keys()].filter((item) => item !== self);
    const item = rng.choice(others);
    const classDrawn = this.#drawClass(part, (classIndex) => counts[item]![classIndex]! > 0, rng);
    const size = drawSize(crop, options.sides, rng);
    const box =
      classDrawn === null
        ? { from: drawCorner(size, crop, rng), size }
        : boxAround(drawVoxel(labels[item]!, classDrawn, counts[item]![classDrawn]!, crop, rng), size, crop);
    return this.#paste({ set: part, item }, box, classDrawn, rng);
  }

  #paste(source: SourceRef, { from, size }: PlacedBox, classDrawn: number | null, rng: Rng): Paste {
    const { options, crop } = this.#inputs;
    const to = options.destination === 'same' ? from : drawCorner(size, crop, rng);
    return { source, from, to, size, classDrawn };
  }
}
