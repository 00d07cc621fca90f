import type { NamedTensors, ParameterSpec } from './common.js';
import type { Crop } from './dataset.js';
import type { GraphContext } from './graph-context.js';
import type { StudentModel, StudentOutput } from './student.js';
import type { PseudoTarget, ViewName } from './views.js';

/**
 * One view of one student. Everything but what the student says is a constant of the tape. What the loss does not take of the
 * view ({@link Loss.takes}) throws when it is read.
 */
export interface LossView<T> {
  readonly name: ViewName;
  /** Where the crops were cut. They change from step to step: as with `GraphContext.host`, asking ends the recording. */
  crops(): readonly Crop[];
  /** `[b, d, h, w, 1]`, normalised. */
  readonly image: T;
  /** `[b, d, h, w, k]`. */
  readonly logits: T;
  /** By name, as the student declares them. */
  readonly heads: NamedTensors<T>;
  readonly features: NamedTensors<T>;
  /**
   * Class indices int32 `[b, d, h, w]`: ground truth on `labelled`, pseudo-labels on `unlabelled`, the mix of both on
   * mixed views. Null on `unlabelled` without a teacher that gives probabilities.
   */
  readonly target: T | null;
  /**
   * `[b, d, h, w]`: the weight of ground truth where the target is that, elsewhere the weight that selectors gave, on mixed views
   * times the plan's `pseudoWeight`.
   */
  readonly voxelWeight: T;
  /** `[b, d, h, w]`: 1 where the target is ground truth, else 0. */
  readonly truth: T;
  /** Confidence of the target `[b, d, h, w]`: 1 on ground truth. */
  readonly confidence: T;
  /**
   * Teachers' targets on clean views, ground truth notwithstanding (CPS teaches labelled crops too). Null on mixed views and where
   * there are none.
   */
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
  /**
   * Runs the student once more inside the tape, with its present weights: on perturbed images, on cubes, or with perturbed inner
   * tensors. Present where {@link Loss.runsStudent} asks for it.
   * @param purpose - names the run: dropout draws by it, and equal purposes draw alike.
   */
  forward?(image: T, purpose: string, run?: StudentRun<T>): StudentOutput<T>;
}

/** A change of an inner tensor; the shape stays. A method type, so that losses of any tensor type fit the slot. */
interface Perturbation<T> {
  of(x: T): T;
}

/** How a loss runs a student. */
export interface StudentRun<T> {
  /** Dropout on and batch statistics in use, which are not stored. Default true. */
  readonly training?: boolean;
  /** What takes the place of named inner tensors. */
  readonly perturb?: Readonly<Record<string, Perturbation<T>['of']>>;
  /** Inputs beside the image. */
  readonly sides?: NamedTensors<T>;
}

/**
 * What a loss can use besides its input. No promise may be made or awaited with it: the tape is open. Its `state` holds the
 * parameters of {@link Loss.parameters} for the student at hand.
 */
export type LossContext<T> = GraphContext<T>;

/**
 * What a term takes of a view: `logits`, `heads` and `features` of the student, or `feature:<name>` for one of these, so that
 * a network need not compute what follows it; `pseudo-labels`: classes and confidence from a teacher; `probabilities`: the
 * whole distribution beside them; `maps` and `tokens` of teachers.
 */
export type ViewNeed =
  | 'logits'
  | 'heads'
  | 'features'
  | `feature:${string}`
  | 'pseudo-labels'
  | 'probabilities'
  | 'maps'
  | 'tokens';

/** Value of a loss. */
export interface LossValue<T> {
  /** Scalar, before the weight of the config. */
  readonly value: T;
  /** Scalars to report beside it, not added to anything; lists are reported by `GraphContext.report`. */
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
  /**
   * Views that must be computed for this term, with what it takes of each; views that the run cannot have are left out. A run
   * without a teacher that gives what is taken is refused.
   */
  readonly takes: Readonly<Partial<Record<ViewName, readonly ViewNeed[]>>>;
  /** Whether it calls {@link LossInput.forward}; not with `train.passes` other than `together`. */
  readonly runsStudent?: boolean;
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
