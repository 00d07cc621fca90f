import type { SlotKey } from '../plugin/slot-key.js';
import type { DeviceName } from '../slots/contracts/backend.js';
import type { Axis, Index3, JsonObject } from '../slots/contracts/common.js';
import type { PassMode } from '../slots/contracts/pass-mode.js';
import type { SlotName } from '../slots/tokens.js';

/** Weight of a loss term over the run. */
export interface LossWeight {
  /** Largest weight. */
  readonly weight: number;
  /**
   * With x = max(0, e - lag) / (length · E), e the epoch or step and E their number: `constant`; `gaussian`:
   * weight · exp(-5 (1 - min(x, 1))²) (method.md §2.6); `linear`: weight · min(x, 1); `cosine`: `linear` up to its length, then
   * a half cosine down to 0.1 weight at the end of the run (method.md §1.4.5).
   */
  readonly ramp: 'constant' | 'gaussian' | 'linear' | 'cosine';
  /** What the ramp counts. Default: epochs for `gaussian`, steps for the others. */
  readonly per: 'epoch' | 'step';
  /** Epochs or steps by which the ramp comes late; the codes behind method.md §2.6 count epochs, one late. */
  readonly lag: number;
  /** Share of the run after which the full weight is reached, in (0, 1]. */
  readonly length: number;
  /** Ids of the students that have this term; null for all. */
  readonly students: readonly string[] | null;
}

/** The training section. */
export interface TrainSettings {
  readonly epochs: number;
  /** `auto`: as many steps as show every unlabelled (or, without these, labelled) case once. */
  readonly stepsPerEpoch: number | 'auto';
  /** Crop `[d, h, w]`, voxels. */
  readonly patch: Index3;
  /** Crops per step. */
  readonly batch: { readonly labelled: number; readonly unlabelled: number };
  /** How the crops of a step pass through a student. */
  readonly passes: PassMode;
  /** Largest norm of the gradients of a student's parameters together; larger ones are scaled down. Null leaves them. */
  readonly clipNorm: number | null;
  /** Loader threads; 0 loads in the training thread. The batches are the same whatever the number. */
  readonly workers: number;
  /** Batches prepared ahead. */
  readonly queue: number;
  /**
   * The most MB (10⁶ bytes) of prepared cases, and of the places of their labels, that a training keeps. Cases beyond it are
   * read again for every batch; the batches are the same whatever the number.
   */
  readonly caseMemoryMb: number;
  /** Epochs between evaluations on the validation split; 0 leaves them out. The last epoch is always evaluated. */
  readonly validateEvery: number;
  /** Epochs between checkpoints. */
  readonly checkpointEvery: number;
  /** Newest checkpoints kept beside the best. */
  readonly keepCheckpoints: number;
  /** Epochs without improvement after which the run stops; null never stops early. */
  readonly patience: number | null;
  /** Column of a metric that chooses the best checkpoint. */
  readonly selectBy: string;
}

/** The inference section: sliding windows in evaluation and prediction. */
export interface InferenceSettings {
  /** Steps between windows `[d, h, w]`, voxels; null derives them from `overlap`. */
  readonly stride: Index3 | null;
  /** Share of a window that the next one covers again, in [0, 1). */
  readonly overlap: number;
  readonly blending: 'gaussian' | 'uniform';
  /** Windows per call of the network. */
  readonly batch: number;
  /** Axes mirrored in turn and averaged. */
  readonly mirror: readonly Axis[];
  /** `auto` takes the weights of the first teacher that offers some, else the student's; or a teacher id, or `student`. */
  readonly weights: string;
}

/** Everything in a config but plugins, their options and their use. */
export interface ConfigSettings {
  /** Name of the experiment; part of the run folder. */
  readonly name: string;
  /** Folder of the runs, relative to the config file. */
  readonly runs: string;
  /** Unsigned integer below 2^53. */
  readonly seed: number;
  readonly device: DeviceName;
  /** Threads of the backend; null leaves the choice to it. */
  readonly threads: number | null;
  readonly train: TrainSettings;
  readonly inference: InferenceSettings;
}

/** Ids in use by slot, in the order of the config. */
export type UseSettings = { readonly [S in Exclude<SlotName, 'loss'>]: readonly string[] } & {
  readonly loss: Readonly<Record<string, LossWeight>>;
};

/** A loaded plugin in the resolved config. */
export interface ResolvedPlugin {
  /** First key it provides, e.g. `mixer:pic`; the package name if it provides nothing. */
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly provides: readonly SlotKey[];
  /** Whether anything it provides is in use; plugins that provide nothing always are. */
  readonly active: boolean;
  /** After its schema filled in the defaults. */
  readonly options: JsonObject;
}

/** The config of a run: complete, checked and frozen. */
export interface ResolvedConfig extends ConfigSettings {
  readonly use: UseSettings;
  readonly plugins: readonly ResolvedPlugin[];
}

/** Where a config comes from. */
export interface ConfigEnvironment {
  /** Absolute path; null when the config was made in code. */
  readonly file: string | null;
  /** Overrides in the order of the command line, e.g. `--set train.epochs=3`. */
  readonly overrides: readonly string[];
}
