import type { Index3, NamedTensors, ParameterSpec } from './common.js';
import type { GraphContext } from './graph-context.js';
import type { TensorOps } from './tensor-ops.js';
import type { ViewName } from './views.js';

/** What a network is built for. */
export interface StudentBuildContext<T> {
  /** Id of the student in this run. */
  readonly id: string;
  readonly ops: TensorOps<T>;
  /** Channels of the input; 1 for CT. */
  readonly inputChannels: number;
  /** k, background included. */
  readonly classCount: number;
  /** Training crop `[d, h, w]`, voxels. Inference may use other sizes that are multiples of {@link StudentModel.multiple}. */
  readonly patch: Index3;
}

/** Consecutive items of a pass's batch that are one view. */
export interface PassItems {
  readonly view: ViewName;
  /** Items. */
  readonly count: number;
  /**
   * Whether anybody takes logits or heads of them. Items of which only features are taken come last, and a network may leave
   * them out of what follows their {@link features}.
   */
  readonly logits: boolean;
  /** Features that are taken of them; null where any may be. */
  readonly features: readonly string[] | null;
}

/** One pass through a network. */
export interface ForwardPass<T> {
  /** What the batch is made of, in order. Empty outside a student's own step: then logits of all items are taken. */
  readonly items: readonly PassItems[];
  /** Dropout on and batch statistics in use. */
  readonly training: boolean;
  /**
   * Key of the dropout at a named place, for `TensorOps.dropout`; the same place in the same step of the same student gives
   * the same key; where views pass one after the other (`train.passes`), each pass has keys of its own. It is a tensor, so that
   * a new step is not a new graph.
   */
  dropoutKey(place: string): T;
  /**
   * Takes the new value of a parameter that is not trainable; it is stored after the step. Of several passes in a step, each
   * of which begins with the values before it, the mean is stored. Ignored outside training.
   */
  updateBuffer(name: string, value: T): void;
  /** What somebody puts in the place of a named inner tensor of the network ({@link StudentModel.places}); else the tensor itself. */
  perturb(place: string, x: T): T;
  /** A named input beside the image ({@link StudentModel.sides}); null where nobody gives it. */
  side(name: string): T | null;
}

/** Result of a pass. */
export interface StudentOutput<T> {
  /** `[b, d, h, w, k]`, before softmax; b without the items whose logits nobody takes, if the network left them out. */
  readonly logits: T;
  /** Further outputs by name `[b, d', h', w', n]`, b as of the logits, before softmax. */
  readonly heads?: NamedTensors<T>;
  /** Named inner tensors `[b, d', h', w', c]`, such as `x4` of method.md §2.5; b may leave out items that take none of them. */
  readonly features: NamedTensors<T>;
}

/** A built network: a description of its parameters and a pure function of them. */
export interface StudentModel<T> {
  readonly parameters: readonly ParameterSpec[];
  /** Names and channel counts of the features that {@link forward} returns, with their stride per axis in voxels. */
  readonly features: Readonly<Record<string, { readonly channels: number; readonly stride: Index3 }>>;
  /** Names and class counts of the heads that {@link forward} returns beside the logits, with their stride in voxels. */
  readonly heads?: Readonly<Record<string, { readonly classes: number; readonly stride: Index3 }>>;
  /** Places at which {@link ForwardPass.perturb} is asked. */
  readonly places?: readonly string[];
  /** Inputs beside the image that {@link ForwardPass.side} is asked for, with channels and stride in voxels. */
  readonly sides?: Readonly<Record<string, { readonly channels: number; readonly stride: Index3 }>>;
  /** Whether it treats items of different views differently, besides stopping early for those without logits. */
  readonly byView?: boolean;
  /** Spatial sizes must be multiples of these, `[d, h, w]`. */
  readonly multiple: Index3;
  /**
   * Synchronous, called inside and outside the tape; a function of its arguments alone. `x` is `[b, d, h, w, inputChannels]`; `weights` holds every
   * parameter by name. The caller chooses the weights, so an EMA teacher is the same network with other weights.
   */
  forward(x: T, weights: NamedTensors<T>, pass: ForwardPass<T>): StudentOutput<T>;
  /**
   * New values of parameters after the optimizer's step, such as averages between decoders; in the same graph. Names that are
   * absent stay.
   */
  afterStep?(weights: NamedTensors<T>, ctx: GraphContext<T>): NamedTensors<T>;
}

/** The slot `student`: a segmentation network. */
export interface Student<T> {
  build(ctx: StudentBuildContext<T>): StudentModel<T>;
}

/** A student in a run: its network and its present weights. */
export interface BuiltStudent<T> {
  readonly id: string;
  readonly model: StudentModel<T>;
  /** The variables themselves; a teacher reads them, the trainer alone writes them. */
  readonly weights: NamedTensors<T>;
  /** The pass over all views that this student makes in this step: the same dropout keys, so that an equal pass elsewhere is the same graph. */
  pass(training: boolean): ForwardPass<T>;
}
