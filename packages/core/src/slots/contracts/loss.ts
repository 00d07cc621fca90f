import type { GraphNumbers, NamedTensors, ParameterSpec, StepContext } from './common.js';
import type { Crop } from './dataset.js';
import type { StudentModel } from './student.js';
import type { TensorOps } from './tensor-ops.js';

/** The views of a step. Mixed views exist when a mixer is in use, unlabelled ones when there are unlabelled crops. */
export type ViewName = 'labelled' | 'unlabelled' | 'mixed-labelled' | 'mixed-unlabelled';

/** Targets that a teacher gave for one student. Constants of the tape. */
export interface PseudoTarget<T> {
  /** Class indices int32 `[b, d, h, w]` (argmax). */
  readonly label: T;
  /** Largest probability `[b, d, h, w]`. */
  readonly confidence: T;
  /**
   * `[b, d, h, w, k]`; null on mixed views, where boxes of ground truth have none, and where no loss in use that needs
   * probabilities looks at the view.
   */
  readonly probabilities: T | null;
}

/** One view of one student. Everything but `logits` and `features` is a constant of the tape. */
export interface LossView<T> {
  readonly name: ViewName;
  readonly crops: readonly Crop[];
  /** `[b, d, h, w, 1]`, normalised. */
  readonly image: T;
  /** `[b, d, h, w, k]`. */
  readonly logits: T;
  readonly features: NamedTensors<T>;
  /**
   * Class indices int32 `[b, d, h, w]`: ground truth on `labelled`, pseudo-labels on `unlabelled`, the mix of both on
   * mixed views. Null on `unlabelled` without a teacher that gives probabilities.
   */
  readonly target: T | null;
  /** `[b, d, h, w]`: 1 where the target is ground truth, the plan's `pseudoWeight` elsewhere. */
  readonly voxelWeight: T;
  /** `[b, d, h, w]`: 1 where the target is ground truth, else 0. */
  readonly truth: T;
  /** Confidence of the target `[b, d, h, w]`: 1 on ground truth. */
  readonly confidence: T;
  /** Teachers' targets on clean views, ground truth notwithstanding (CPS teaches labelled crops too). Null if there are none. */
  readonly pseudo: PseudoTarget<T> | null;
  /** Tokens `[b, d', h', w', c]` by teacher id. */
  readonly tokens: NamedTensors<T>;
}

/** What a loss gets for one student. */
export interface LossInput<T> {
  readonly studentId: string;
  /** The views that {@link Loss.views} asked for and that exist in this run. */
  readonly views: Readonly<Partial<Record<ViewName, LossView<T>>>>;
  /** `[k]`; null when no weighter acts on this student. */
  readonly classWeights: T | null;
  /** Parameters of {@link Loss.parameters} for this student, by name. */
  readonly weights: NamedTensors<T>;
}

/**
 * What a loss can use besides its input. No promise may be made or awaited with it: the tape is open. A step may be recorded
 * once and replayed; a loss that reads `position`, `rng` or the crops of a view is called anew in every step instead.
 */
export interface LossContext<T> extends StepContext, GraphNumbers<T> {
  readonly ops: TensorOps<T>;
  /**
   * Takes the new value of a parameter of {@link Loss.parameters} that is not trainable, such as the running statistics of a
   * projection head; it is stored after the step.
   */
  updateBuffer(name: string, value: T): void;
}

/** Value of a loss. */
export interface LossValue<T> {
  /** Scalar, before the weight of the config. */
  readonly value: T;
  /** Scalars to report beside it, not added to anything. */
  readonly parts?: NamedTensors<T>;
}

/** What is known when a loss declares its parameters. */
export interface LossBuildContext<T> {
  readonly studentId: string;
  readonly model: StudentModel<T>;
  readonly classCount: number;
  /** Channels of the tokens by teacher id; empty without such teachers. */
  readonly tokenChannels: Readonly<Record<string, number>>;
}

/**
 * The slot `loss`: one term of the sum, evaluated once per student. Synchronous, inside the tape. It may join views or compare
 * them, however they passed through the student. With `train.passes` other than `together` it is evaluated once more before, on
 * outputs of zeros, to see which features it reads; which they are may depend on its input and its context, nothing else.
 */
export interface Loss<T> {
  /** Views that must be computed for this term; those that the run cannot have are left out. */
  readonly views: readonly ViewName[];
  /**
   * What its views must carry. `pseudoLabels`: classes and confidence from a teacher ({@link LossView.pseudo}, and the target
   * of unlabelled voxels); `probabilities`: the whole distribution beside them; `tokens`: features of a teacher. A run
   * without a teacher that gives them is refused.
   */
  readonly needs: { readonly pseudoLabels?: boolean; readonly probabilities: boolean; readonly tokens: boolean };
  /** Variables trained with the student and left out of the exported network, e.g. a projection head. */
  parameters?(ctx: LossBuildContext<T>): readonly ParameterSpec[];
  /** Null when none of its views exist in this run: the term is then reported as unused, once. */
  evaluate(input: LossInput<T>, ctx: LossContext<T>): LossValue<T> | null;
}

/** A term on its way into the sum. */
export interface LossTerm<T> {
  /** Id of the loss. */
  readonly id: string;
  readonly studentId: string;
  readonly value: T;
  /** Weight of the config times its ramp at this step. */
  readonly weight: number;
  readonly parts: NamedTensors<T>;
}
