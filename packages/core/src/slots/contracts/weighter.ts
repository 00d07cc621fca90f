import type { Stateful, StepContext } from './common.js';
import type { DatasetFacts } from './dataset.js';

/** Weight per class `[k]`, background included; 1 is neutral. */
export type ClassWeights = readonly number[];

/** What one student did in the step before. */
export interface StudentEvidence {
  /** Voxels per class of its argmax on the clean unlabelled crops `[k]`; null without that view. */
  readonly unlabelledVoxels: readonly number[] | null;
  /** Hard Dice per class on the clean labelled crops `[k]`; null where neither mask has the class. */
  readonly labelledDice: readonly (number | null)[];
}

/** What a weighter may look at. */
export interface WeightEvidence {
  readonly dataset: DatasetFacts;
  /** Voxels per class in the labelled crops of this step `[k]`. */
  readonly labelledVoxels: readonly number[];
  /** By student id, from the step before, so that a step needs one read only; null in the first step of a run. */
  readonly previous: Readonly<Record<string, StudentEvidence>> | null;
  /**
   * Voxels per class of this step's pseudo-labels for a student on the unlabelled crops `[k]`; null without a teacher
   * that gives them. Reads from the device.
   */
  pseudoVoxels(studentId: string): Promise<readonly number[] | null>;
}

/** The slot `weighter`: class weights, once per step. Weights of several weighters for one student are multiplied. */
export interface Weighter extends Stateful {
  /** Weights by student id; a student that is absent keeps weight 1. */
  update(
    evidence: WeightEvidence,
    students: readonly string[],
    ctx: StepContext,
  ): Promise<Readonly<Record<string, ClassWeights>>>;
}
