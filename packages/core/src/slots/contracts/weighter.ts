import type { ParameterSpec, Stateful, StepContext } from './common.js';
import type { DatasetFacts } from './dataset.js';
import type { GraphContext } from './graph-context.js';
import type { BatchPart, PseudoTarget } from './views.js';

/** What is known when a weighter declares its variables. */
export interface WeighterBuildContext {
  readonly studentId: string;
  /** k, background included. */
  readonly classCount: number;
  readonly dataset: DatasetFacts;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
}

/** What a weighter sees of the clean crops. Constants of the tape. */
export interface WeighterView<T> {
  /** What the student says in this step `[b, d, h, w, k]`. */
  readonly logits: T;
  /** Ground truth int32 `[b, d, h, w]`; null on unlabelled crops. */
  readonly label: T | null;
  /** What teachers and selectors say; null where there is nothing. */
  readonly pseudo: PseudoTarget<T> | null;
}

/** What a weighter gets for one student. */
export interface WeighterInput<T> {
  readonly studentId: string;
  /** The parts that it takes and that this run has. */
  readonly views: Readonly<Partial<Record<BatchPart, WeighterView<T>>>>;
}

/** Class weights outside of the graph, for those that need files; once per step, before it. */
export interface HostWeighter extends Stateful {
  /**
   * Weights by student id, each `[k]`; a student that is absent keeps weight 1.
   * @param labelledVoxels - voxels per class in the labelled crops of this step `[k]`.
   */
  update(
    labelledVoxels: readonly number[],
    students: readonly string[],
    ctx: StepContext,
  ): Promise<Readonly<Record<string, readonly number[]>>>;
}

/**
 * The slot `weighter`: class weights, once per step. Weights of several weighters for one student are multiplied. Traceable:
 * synchronous, a function of tensors alone, by what the student says in this step; no gradient passes.
 */
export interface Weighter<T> {
  /** Ids of the students that it weighs; null for all. */
  readonly students: readonly string[] | null;
  /** Clean views that must be computed for it. */
  readonly takes: readonly BatchPart[];
  /** Variables for each student; none is trainable. */
  parameters?(ctx: WeighterBuildContext): readonly ParameterSpec[];
  /** `[k]`, background included, finite, at least 0; 1 is neutral. Null leaves the student's classes alike. */
  weigh(input: WeighterInput<T>, ctx: GraphContext<T>): T | null;
  /** The form outside of the graph; `weigh` is then not asked. */
  readonly host?: HostWeighter;
}
