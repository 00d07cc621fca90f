import type {
  JsonObject,
  NamedTensors,
  RunInfo,
  StateArray,
  StepContext,
  StepPosition,
} from '../slots/contracts/common.js';
import type { Batch, CaseRole, Crop } from '../slots/contracts/dataset.js';
import type { MixPlan } from '../slots/contracts/mixer.js';
import type { TeacherOutput } from '../slots/contracts/teacher.js';
import type { ViewName } from '../slots/contracts/views.js';

/** One case after preprocessing: whole volume, working grid, normalised. */
export interface Sample {
  readonly caseId: string;
  readonly role: CaseRole;
  /** `[d, h, w]` voxels. */
  readonly shape: readonly [number, number, number];
  /** `[d, h, w]` mm. */
  readonly spacing: readonly [number, number, number];
  /** `[d, h, w]`. */
  readonly image: Float32Array;
  /** `[d, h, w]`; null for unlabelled cases. */
  readonly label: Uint8Array | null;
}

/** Context of hooks that fire once per run or epoch. */
export interface RunContext {
  readonly run: RunInfo;
  /** Null before the first step. */
  readonly position: StepPosition | null;
}

/** Context of `dataset.sample`. */
export interface SampleContext {
  readonly run: RunInfo;
}

/** Which teachers run in this step. */
export interface TeacherChoice {
  readonly teachers: readonly string[];
}

/** Outputs of all teachers of a step, by teacher id. */
export type TeacherOutputs<T> = Readonly<Record<string, TeacherOutput<T>>>;

/** Context of `weights.update`. */
export interface WeightsContext extends StepContext {
  readonly studentId: string;
}

/** Context of hooks that may look at the batch. */
export interface BatchContext extends StepContext {
  readonly batch: Batch;
}

/** What a plan was turned into. Tensors belong to the step: keep none of them. */
export interface MixedBatch<T> {
  readonly plan: MixPlan;
  readonly views: Readonly<Partial<Record<ViewName, MixedView<T>>>>;
}

/** One mixed view before the students see it; shapes as in `LossView`. */
export interface MixedView<T> {
  readonly crops: readonly Crop[];
  readonly image: T;
  readonly target: T;
  readonly voxelWeight: T;
  readonly truth: T;
  readonly confidence: T;
  readonly tokens: NamedTensors<T>;
}

/** Context of `student.forward`. */
export interface ForwardContext extends StepContext {
  readonly studentId: string;
  readonly view: ViewName;
}

/** Context of `gradients.ready`. */
export interface GradientContext extends StepContext {
  /** Id of the student whose parameters these are; those of its losses are named `loss/<loss id>/<parameter>`. */
  readonly studentId: string;
}

/** Answer of `run.shouldStop`. */
export interface StopDecision {
  readonly stop: true;
  readonly reason: string;
}

/** What a plugin writes into a checkpoint besides the state of its slots. Keys are the plugin's own. */
export interface CheckpointWriter {
  json(key: string, value: JsonObject): void;
  array(key: string, value: StateArray): void;
}

/** What a plugin finds in a checkpoint under its own keys; undefined where it wrote nothing. */
export interface CheckpointReader {
  json(key: string): JsonObject | undefined;
  array(key: string): StateArray | undefined;
}
