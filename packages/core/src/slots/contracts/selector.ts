import type { ParameterSpec } from './common.js';
import type { DatasetFacts } from './dataset.js';
import type { GraphContext } from './graph-context.js';
import type { StudentOutput } from './student.js';
import type { PseudoTarget, ViewName } from './views.js';

/** What is known when a selector declares its variables. */
export interface SelectorBuildContext {
  readonly studentId: string;
  readonly classCount: number;
  readonly dataset: DatasetFacts;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
}

/** What a selector gets for one student and one view. Constants of the tape. */
export interface SelectorInput<T> {
  readonly studentId: string;
  readonly view: ViewName;
  /** `[b, d, h, w, 1]`, normalised. */
  readonly image: T;
  /** The target as it is so far: that of the teachers, as the selectors before left it; its weight is always there. */
  readonly target: PseudoTarget<T> & { readonly weight: T };
  /** `[b, d, h, w]`: 1 where the target is ground truth, which keeps its weight, else 0. On clean views 0 everywhere. */
  readonly truth: T;
  /** What the student says about the view in this step; null for selectors that take targets. */
  readonly own: StudentOutput<T> | null;
  /** The labelled crops with their ground truth int32 `[b, d, h, w]`; `output` as `own`. */
  readonly labelled: { readonly image: T; readonly label: T; readonly output: StudentOutput<T> | null };
}

/** What a selector makes of a target. */
export interface Selection<T> {
  /** How much each voxel counts `[b, d, h, w]`, finite, at least 0; it takes the place of the weight so far. */
  readonly weight: T;
  /** Other classes for the voxels, int32 `[b, d, h, w]`; absent leaves them. */
  readonly label?: T;
}

/**
 * The slot `selector`: which voxels of a pseudo-label count, and how much. Several act in the order of the config. Traceable:
 * synchronous, a function of tensors alone, no gradient passes.
 */
export interface Selector<T> {
  /**
   * `targets`: it needs nothing that a student says, acts on the teachers' targets of the clean views before the mix, and its
   * weights travel with the mixed voxels. `outputs`: it acts after the students passed, on every view with pseudo-labels.
   */
  readonly takes: 'targets' | 'outputs';
  /** What the targets must carry besides classes and confidence. */
  readonly needs?: { readonly probabilities?: boolean; readonly maps?: readonly string[] };
  /** Variables for each student; none is trainable. */
  parameters?(ctx: SelectorBuildContext): readonly ParameterSpec[];
  select(input: SelectorInput<T>, ctx: GraphContext<T>): Selection<T>;
}
