import type { Index3, NamedTensors, ParameterSpec } from './common.js';
import type { TensorOps } from './tensor-ops.js';

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

/** One pass through a network. */
export interface ForwardPass<T> {
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
}

/** Result of a pass. */
export interface StudentOutput<T> {
  /** `[b, d, h, w, k]`, before softmax. */
  readonly logits: T;
  /** Named inner tensors `[b, d', h', w', c]`, such as `x4` of method.md §2.5. */
  readonly features: NamedTensors<T>;
}

/** A built network: a description of its parameters and a pure function of them. */
export interface StudentModel<T> {
  readonly parameters: readonly ParameterSpec[];
  /** Names and channel counts of the features that {@link forward} returns, with their stride per axis in voxels. */
  readonly features: Readonly<Record<string, { readonly channels: number; readonly stride: Index3 }>>;
  /** Spatial sizes must be multiples of these, `[d, h, w]`. */
  readonly multiple: Index3;
  /**
   * Synchronous, called inside and outside the tape; a function of its arguments alone. `x` is `[b, d, h, w, inputChannels]`; `weights` holds every
   * parameter by name. The caller chooses the weights, so an EMA teacher is the same network with other weights.
   */
  forward(x: T, weights: NamedTensors<T>, pass: ForwardPass<T>): StudentOutput<T>;
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
