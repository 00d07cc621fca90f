import type { Rng } from '@dinomix/volume';
import type { BatchShape, Index3, Stateful, StepContext } from './common.js';
import type { Crop, DatasetFacts } from './dataset.js';
import type { Reported } from './reporter.js';

/** Which crop a region comes from. */
export interface SourceRef {
  /** `donor` counts in {@link MixPlan.donors}. */
  readonly set: 'labelled' | 'unlabelled' | 'donor';
  readonly item: number;
}

/** An axis-aligned box copied from a source onto a mixed crop. Voxels of the crop, memory order. */
export interface Paste {
  readonly source: SourceRef;
  /** Corner in the source crop `[z, y, x]`. */
  readonly from: Index3;
  /** Corner in the mixed crop `[z, y, x]`; equal to `from` unless the mixer moves the box. */
  readonly to: Index3;
  /** Sides `[d, h, w]`, each at least 1; both boxes lie inside the crop. */
  readonly size: Index3;
  /** Class for which the box was chosen; null for a box without one. */
  readonly classDrawn: number | null;
}

/** How one mixed crop is made: a whole crop, then boxes pasted over it in order. */
export interface MixItem {
  readonly base: SourceRef;
  readonly pastes: readonly Paste[];
}

/**
 * A mix as plain JSON. One function of the trainer applies it to image, target, confidence, origin of the target and
 * teacher tokens with the same mask; tokens follow at their own grid by the share of each cell that the box covers.
 */
export interface MixPlan {
  /** Extra labelled crops, read by the trainer with their ground truth. */
  readonly donors: readonly Crop[];
  /** The view `mixed-labelled`. */
  readonly labelled: readonly MixItem[];
  /** The view `mixed-unlabelled`. */
  readonly unlabelled: readonly MixItem[];
  /** Loss weight of voxels whose target is a pseudo-label, in [0, 1]; ground-truth voxels weigh 1. */
  readonly pseudoWeight: number;
}

/** A labelled crop drawn for one class. */
export interface DonorDraw {
  readonly crop: Crop;
  /** The voxel of that class around which the crop was cut, `[z, y, x]` in the crop (after flips). */
  readonly voxel: Index3;
}

/** All labelled volumes, indexed by class. */
export interface DonorBank {
  /** Foreground classes that at least one labelled volume has, ascending. */
  readonly classes: readonly number[];
  /**
   * Draws a labelled volume that has the class, one of its voxels, and a crop that contains it.
   * @param placement - `centred`: the voxel in the middle as far as the volume allows; `uniform`: any crop that has it.
   * @returns null when no labelled volume has the class.
   */
  draw(classIndex: number, placement: 'centred' | 'uniform', rng: Rng): DonorDraw | null;
}

/** What a mixer may look at. */
export interface MixFacts {
  /** `[b, d, h, w]` of the labelled crops. */
  readonly labelledShape: BatchShape;
  /** `[b, d, h, w]` of the unlabelled crops; null without any. */
  readonly unlabelledShape: BatchShape | null;
  /** Ground truth of the labelled crops `[b, d, h, w]`. */
  readonly labels: Uint8Array;
  /** Where the labelled crops were cut, in their order. */
  readonly labelledCrops: readonly Crop[];
  /** Where the unlabelled crops were cut; empty without any. */
  readonly unlabelledCrops: readonly Crop[];
  /**
   * Whether the unlabelled crops have pseudo-labels in this step. Without them they cannot be mixed: they have no target.
   */
  readonly hasPseudoLabels: boolean;
  /**
   * Pseudo-labels (argmax) of the unlabelled crops `[b, d, h, w]`; null without unlabelled crops or without a teacher
   * that gives probabilities. Reads from the device: call it only where the plan depends on it.
   */
  pseudoLabels(): Promise<Uint8Array | null>;
  readonly dataset: DatasetFacts;
  readonly donors: DonorBank;
  /** The plan of the mixers before this one; the first sees every crop as its own base without pastes. */
  readonly previous: MixPlan;
}

/** The slot `mixer`: decides what is pasted where. Several mixers refine one plan in the order of the config. */
export interface Mixer extends Partial<Stateful> {
  plan(facts: MixFacts, ctx: StepContext): Promise<MixPlan> | MixPlan;
  /** Numbers about the last plan, by name, e.g. the planned class shares. */
  report?(): Readonly<Record<string, Reported>>;
}
