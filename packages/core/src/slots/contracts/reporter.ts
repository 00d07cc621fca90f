import type { Index3, JsonObject, RunInfo, StepPosition } from './common.js';
import type { CaseDigests, ClassInfo, DatasetFacts, ImageReading, Preprocessing } from './dataset.js';
import type { ReportUnit } from './graph-context.js';
import type { MetricColumn, MetricValues } from './metric.js';
import type { PassMode } from './pass-mode.js';

/** Numbers of one step. */
export interface StepReport {
  readonly position: StepPosition;
  /** Weighted sum. */
  readonly loss: number;
  /** Unweighted value, weight and parts by `<loss id>` or, with several students, `<loss id>/<student id>`. */
  readonly terms: Readonly<
    Record<
      string,
      { readonly value: number; readonly weight: number; readonly parts: Readonly<Record<string, number>> }
    >
  >;
  readonly learningRate: number;
  /** Milliseconds of the whole step. */
  readonly stepMs: number;
  /** By student id, `[k]`. */
  readonly classWeights: Readonly<Record<string, readonly number[]>>;
  /** Hard Dice against the step's targets by student id, `[k]`; null where neither has the class. */
  readonly pseudoDice: Readonly<Record<string, readonly (number | null)[]>>;
  /** Voxels per class `[k]` that the students saw as target, by origin. */
  readonly targetVoxels: { readonly truth: readonly number[]; readonly pseudo: readonly number[] };
  /** What parts report, by `<slot>:<id>` and, where a part works for one student, `/<student id>`; then by name. */
  readonly reports: Readonly<Record<string, Readonly<Record<string, Reported>>>>;
}

/** Numbers that a part reports. */
export interface Reported {
  readonly unit: ReportUnit;
  readonly values: readonly number[];
}

/** Means over one epoch. */
export interface EpochReport {
  readonly position: StepPosition;
  readonly loss: number;
  readonly terms: Readonly<Record<string, number>>;
  readonly learningRate: number;
  readonly seconds: number;
  /** Evaluation on the validation split, when this epoch had one. */
  readonly validation: EvaluationReport | null;
}

/** One evaluated case. */
export interface CaseResult {
  readonly caseId: string;
  readonly role: 'validation' | 'test';
  readonly values: MetricValues;
  /** By class index `[k]`: whether the reference holds the class. */
  readonly present?: readonly boolean[];
  /** By class index `[k]`: whether prediction and reference share a voxel of the class. */
  readonly hit?: readonly boolean[];
  readonly seconds: number;
}

/** The files of a split that an evaluation compared with. */
export interface EvaluatedData {
  /** Digest of the whole data set, its classes, split and preparation included. */
  readonly digest: string;
  /** By id of each case of the evaluated split. */
  readonly cases: Readonly<Record<string, CaseDigests>>;
}

/** Evaluation of a split. */
export interface EvaluationReport {
  readonly role: 'validation' | 'test';
  readonly columns: readonly MetricColumn[];
  readonly cases: readonly CaseResult[];
  /** Mean over cases by column, `[k]`. */
  readonly perClass: MetricValues;
  /** Mean over foreground classes by column. */
  readonly mean: Readonly<Record<string, number | null>>;
  /** Mean over the tail set by column. */
  readonly tail: Readonly<Record<string, number | null>>;
  /** Foreground classes that some reference holds and of which no case has one voxel right, by index. */
  readonly collapsed?: readonly number[];
  /** Classes in the order of their indices, background first. */
  readonly classes?: readonly Pick<ClassInfo, 'index' | 'name' | 'tail'>[];
  /** Which weights were tested, e.g. `student` or `ema`. */
  readonly weights: string;
  /** Which checkpoint they come from; absent while training goes on. */
  readonly checkpoint?: 'best' | 'latest';
  /** What was compared with, which may have changed since the training; absent while training goes on. */
  readonly data?: EvaluatedData;
}

/** One axial slice for a report. */
export interface SliceReport {
  readonly caseId: string;
  readonly sliceIndex: number;
  /** `[h, w]`. */
  readonly shape: readonly [height: number, width: number];
  /** `[h, w]` mm. */
  readonly spacing: readonly [height: number, width: number];
  /** Axes: `RAS` when rows run to anterior and columns to right, `keep` when they are those of the file. */
  readonly orientation?: Preprocessing['orientation'];
  /** Grey values 0..255, base64. */
  readonly image: string;
  /** Class indices, base64. */
  readonly prediction: string;
  /** Class indices, base64; null without a reference. */
  readonly reference: string | null;
}

/** The memory that a training is expected to take, bytes of the whole process. */
export interface MemoryEstimate {
  /** The most at any time: the largest of {@link phases}. */
  readonly peak: number;
  /** The most in each part of the work; these take turns. */
  readonly phases: Readonly<Record<string, number>>;
  /** What the largest phase holds; sums to {@link peak}. */
  readonly parts: Readonly<Record<string, number>>;
  /** What was not counted, for a person. */
  readonly notes: readonly string[];
}

/** The memory that a run may take here. */
export interface MemoryRoom {
  /** Bytes that this process may hold, what it holds already included. */
  readonly bytes: number;
  /** What bounds it. */
  readonly bound: 'machine' | 'control group' | 'address space';
}

/** Smallest and largest value along each axis of the network `[d, h, w]`, mm. */
export type AxisRange = readonly [lowest: Index3, highest: Index3];

/** How the images that a network learned from were read and prepared, and what they were like. */
export interface TrainedImages {
  /** Null where the cases were no files that a prediction could be given. */
  readonly reading: ImageReading | null;
  readonly preprocessing: Preprocessing;
  /** Normalised intensity outside of a volume. */
  readonly padValue: number;
  /**
   * Where the axes i, j, k of the labelled images point, as `LAS`; null where they are turned to RAS+ anyway, differ, or are
   * not known.
   */
  readonly axes: string | null;
  /** Distance of voxels in the files of the labelled images. */
  readonly spacing: AxisRange;
  /** Length of the labelled images, of voxels and their distance. */
  readonly extent: AxisRange;
}

/** The record of a run, written as `record.json` when it starts; its outcome is added when it ends. */
export interface RunRecord {
  readonly run: RunInfo;
  readonly config: JsonObject;
  readonly packages: Readonly<Record<string, string>>;
  readonly node: string;
  readonly platform: string;
  readonly backend: { readonly name: string; readonly device: string; readonly facts: JsonObject };
  /** Provenance by teacher id, where the teacher has something to say. */
  readonly teachers: Readonly<Record<string, string>>;
  readonly dataset: DatasetFacts;
  readonly patch: Index3;
  /** What a prediction with the network of this run needs. */
  readonly images: TrainedImages;
  /** How views pass through each student, and what statistics of a batch are taken over. Absent in records without the choice. */
  readonly passes?: {
    /** `together` also where `train.passes` is `by-view` and a student has one view. */
    readonly mode: PassMode;
    /** In words, for a person. */
    readonly batchStatistics: string;
    readonly runningStatistics: string;
  };
  readonly licences: Readonly<Record<string, string>>;
  /** What it was expected to take, and what there was; null or absent where nobody could tell. */
  readonly memory?: { readonly estimate: MemoryEstimate; readonly room: MemoryRoom } | null;
  /** Command that predicts with this run's network. */
  readonly predictCommand: string;
  /** How the run ended, written when it did; null before. A resumed run replaces it. */
  readonly outcome: RunOutcome | null;
}

/** How a run ended. */
export interface RunOutcome {
  readonly status: 'completed' | 'stopped' | 'interrupted' | 'failed';
  /** Why it ended, for a person. */
  readonly reason: string;
  readonly position: StepPosition | null;
  readonly error: JsonObject | null;
  readonly seconds: number;
  /** Most memory of the whole process so far, MB (10^6 bytes). */
  readonly peakMb: number;
  /** Calls by kernel that the backend could not compute itself and left to a slower one. */
  readonly fallbackKernels: Readonly<Record<string, number>>;
}

/** Something that happened in a run. JSON throughout; `time` is ISO 8601 UTC. */
export type RunEvent = { readonly time: string } /** Before anything large is allocated. */ & (
  | { readonly type: 'memory'; readonly estimate: MemoryEstimate; readonly room: MemoryRoom }
  | { readonly type: 'run.start'; readonly record: RunRecord }
  | { readonly type: 'step'; readonly report: StepReport }
  | { readonly type: 'epoch'; readonly report: EpochReport }
  | { readonly type: 'case'; readonly result: CaseResult }
  | { readonly type: 'evaluation'; readonly report: EvaluationReport }
  | { readonly type: 'slice'; readonly slice: SliceReport }
  | { readonly type: 'checkpoint'; readonly path: string; readonly position: StepPosition; readonly best: boolean }
  | { readonly type: 'warning'; readonly message: string; readonly plugin: string | null }
  | { readonly type: 'run.end'; readonly outcome: RunOutcome }
);

/** The slot `reporter`: receives every event in order. It never sees tensors and cannot change the run. */
export interface Reporter {
  open?(run: RunInfo): Promise<void>;
  event(event: RunEvent): Promise<void> | void;
  /** After `run.end`. */
  close?(): Promise<void>;
}

/** A page about a run that another command left as `<run>/pages/<name>/page.json`, for reports to link to. */
export interface RunPage {
  readonly title: string;
  /** One or two sentences. */
  readonly note: string;
  /** Name of the page, beside page.json. */
  readonly file: string;
  /** Names of PNG files beside page.json, most important first. */
  readonly pictures: readonly string[];
}
