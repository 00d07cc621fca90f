import type { Index3, NamedTensors, ParameterSpec, Stateful } from './common.js';
import type { Crop, DatasetFacts, Normalisation, PreparedVolume } from './dataset.js';
import type { GraphContext } from './graph-context.js';
import type { BuiltStudent, StudentOutput } from './student.js';
import type { CachingTeacher, TeacherCacheContext } from './teacher-cache.js';
import type { BatchPart } from './views.js';

/** What a teacher sees of one part of the batch. Labels are not in it. */
export interface TeacherPart<T> {
  /** `[b, d, h, w, 1]`, normalised. */
  readonly image: T;
  /**
   * What the students say about the part in this step, by id, as constants of the tape. Empty unless the teacher
   * {@link Teacher.takes} outputs.
   */
  readonly outputs: Readonly<Record<string, StudentOutput<T>>>;
  /**
   * Where the crops were cut, and the intensities as typed array `[b, d, h, w]`, for teachers outside the tensor library. As with
   * `GraphContext.host`, asking inside the graph ends its recording.
   */
  host(): { readonly crops: readonly Crop[]; readonly data: Float32Array };
}

/** What a teacher says about one part of the batch. */
export interface TeacherAnswer<T> {
  /** Softmax probabilities `[b, d, h, w, k]` by the id of the student that they teach. */
  readonly probabilities?: NamedTensors<T>;
  /** Named maps `[b, d, h, w, n]` by the id of the student that they are about; the names are those of `produces.maps`. */
  readonly maps?: Readonly<Record<string, NamedTensors<T>>>;
  /** Features `[b, d', h', w', c]` on a regular grid over the crop; the same for every student. */
  readonly tokens?: T;
}

/** Answers by part; a part that the teacher does not look at is absent. */
export type TeacherOutput<T> = Readonly<Partial<Record<BatchPart, TeacherAnswer<T>>>>;

/** Handed to a teacher once, after the students are built. */
export interface TeacherOpenContext<T> {
  readonly id: string;
  readonly students: readonly BuiltStudent<T>[];
  readonly dataset: DatasetFacts;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  readonly normalisation: Normalisation;
  /** Training crop `[d, h, w]`, voxels: the size of every part that {@link Teacher.predict} is asked about. */
  readonly patch: Index3;
  /** Folder for caches that survive the run; created on demand. */
  readonly cacheDirectory: string;
  /** The whole volume of a labelled or unlabelled case; it may be read from the disk. Works after `open` too. */
  volume(caseId: string): Promise<PreparedVolume>;
  /** Tells the user something that does not stop the run. Works after `open` too. */
  warn(message: string): void;
}

/** Handed to a teacher that is to tell what it will be. */
export interface TeacherOutlineContext extends Pick<TeacherCacheContext, 'splits' | 'normalisation' | 'patch'> {
  /** Voxels `[d, h, w]` of the largest volume; null where nothing is known of them. */
  readonly volume: Index3 | null;
}

/** What a teacher will be in a run. */
export interface TeacherOutline {
  /** Grid of the tokens over a crop `[d', h', w', c]`; null where it gives none. */
  readonly tokens: readonly [depth: number, height: number, width: number, channels: number] | null;
  /** Most bytes that it holds beside the tensors of the trainer: a model, the work of a call, caches in memory. */
  readonly bytes: number;
}

/** Handed to a teacher in every step. `state` holds the variables of {@link Teacher.parameters}. */
export interface TeacherContext<T> extends GraphContext<T> {
  readonly students: readonly BuiltStudent<T>[];
  /** Wraps typed data as a tensor of the trainer's library. It belongs to the step: it is disposed after it. */
  tensor(data: Float32Array, shape: readonly number[]): T;
}

/**
 * The slot `teacher`: gives targets. It works outside the tape, so that no gradient reaches it, and may be asynchronous.
 * One that is `traceable` shares a graph with the students.
 */
export interface Teacher<T> extends Partial<Stateful>, Partial<CachingTeacher> {
  /** `ema`: moving average of a student; `peer`: another student; `outside`: a model that this run does not train. */
  readonly kind: 'ema' | 'peer' | 'outside';
  /**
   * True promises that `predict` returns without a promise, reads no tensor, and depends on tensors alone. It is then recorded
   * once with the rest of the step.
   */
  readonly traceable?: boolean;
  /**
   * `images` (default): it is asked before the students pass. `outputs`: it teaches by what the students say in this step
   * ({@link TeacherPart.outputs}), with no pass of its own; it must be traceable, gives no tokens, and mixers cannot see its
   * answer, which comes after them.
   */
  readonly takes?: 'images' | 'outputs';
  readonly produces: {
    readonly probabilities: boolean;
    readonly tokens: boolean;
    /** Names of the maps that it gives beside probabilities. */
    readonly maps?: readonly string[];
  };
  /** Channels of the tokens; known after {@link open}. Present where `produces.tokens`. */
  tokenChannels?(): number;
  /** Parts that it can speak about; it is asked about those whose answer somebody takes. */
  readonly looksAt: readonly BatchPart[];
  /** Named wherever a result is shown, e.g. `random control weights, not DINOv3`. Null when there is nothing to say. */
  readonly provenance: string | null;
  open?(ctx: TeacherOpenContext<T>): Promise<void>;
  /**
   * Tells what the teacher will be in a run, which it is not part of: it is neither opened nor asked afterwards. The memory
   * of a training is judged by it. One of kind `outside` that does not tell leaves the memory unjudged.
   */
  outline?(ctx: TeacherOutlineContext): Promise<TeacherOutline>;
  /**
   * Variables of the teacher, known after {@link open}. One whose `name` is `<student id>/<parameter name>` and whose
   * student exists starts as a copy of that parameter and not from its initializer.
   */
  parameters?(): readonly ParameterSpec[];
  predict(
    parts: Readonly<Partial<Record<BatchPart, TeacherPart<T>>>>,
    ctx: TeacherContext<T>,
  ): Promise<TeacherOutput<T>> | TeacherOutput<T>;
  /**
   * Sets the teacher's variables after the optimizer step, with `ctx.setState`; synchronous and part of the same graph.
   * `students` hold the new weights. Rates that change with the step come from `iteration`.
   */
  update?(ctx: TeacherContext<T>): void;
  /** Weights to test and export instead of the student's own, by parameter name; null to use the student's. */
  evaluationWeights?(studentId: string, ctx: TeacherState<T>): NamedTensors<T> | null;
  dispose?(): Promise<void>;
}

/** Present variables of a teacher, by name. */
export interface TeacherState<T> {
  readonly state: NamedTensors<T>;
}
