import type { Volume, VoxelArray } from '@dinomix/volume';
import type { Axis, BatchShape, Index3, JsonObject } from './common.js';

/** The part a case plays. The label of an `unlabelled` case is never read from disk. */
export type CaseRole = 'labelled' | 'unlabelled' | 'validation' | 'test';

/** One class of the segmentation. */
export interface ClassInfo {
  /** Position in the list and value in label arrays; 0 is background. */
  readonly index: number;
  readonly name: string;
  /** sRGB, 0..255. */
  readonly colour: readonly [red: number, green: number, blue: number];
  /** Whether the class belongs to the tail set of reports (method.md §1.5.2). */
  readonly tail: boolean;
}

/** One case as the dataset reads it, before preprocessing. */
export interface CaseData {
  readonly id: string;
  readonly role: CaseRole;
  /** Files behind the case, for error messages. */
  readonly files: { readonly image: string; readonly label: string | null };
  /** Intensities in the source's unit (HU for CT), in the type of the file: a copy of a whole scan takes time. */
  readonly image: Volume<VoxelArray>;
  /** Class indices on the grid of the image. Null for unlabelled cases and for test cases without a reference. */
  readonly label: Volume<Uint8Array> | null;
}

/** What the voxels of a case are made from, so that a prepared copy of it can be told to be out of date. */
export interface CaseIdentity {
  /** Changes whenever a file behind the case may have changed: paths, sizes, times. Cheap. */
  readonly stamp: string;
  /** Everything else that decides the voxels that {@link CaseReader.readCase} returns: the options of reading. */
  readonly reading: JsonObject;
  /** sha256 (hexadecimal) of the files. The label of an unlabelled case is not opened. */
  digests(): Promise<CaseDigests>;
}

/** sha256 (hexadecimal) of the files of a case; the label's is null for unlabelled cases and where there is none. */
export interface CaseDigests {
  readonly image: string;
  readonly label: string | null;
}

/** Gives the digests of a case that are known from earlier; null where its files must be read. */
export type KnownDigests = (id: string, role: CaseRole, identity: CaseIdentity) => Promise<CaseDigests | null>;

/** Reads cases. It is all that a loader thread needs of a dataset. */
export interface CaseReader {
  /**
   * Returns one case. With role `unlabelled` the label file is not opened.
   * @throws naming file, value and first voxel when the data are unusable.
   */
  readCase(id: string, role: CaseRole): Promise<CaseData>;
  /** Identifies a case without reading its voxels; a data set without it cannot be prepared in advance. */
  identify?(id: string, role: CaseRole): Promise<CaseIdentity>;
}

/** How a loader thread obtains a {@link CaseReader}: plain data, no closures. */
export interface WorkerSource {
  /** `file:` URL of an ES module, usually `import.meta.resolve('#worker')` or `new URL('./reader.js', import.meta.url).href`. */
  readonly module: string;
  /** Name of an exported {@link CreateCaseReader}. */
  readonly export: string;
  /** Handed to that function unchanged. */
  readonly options: JsonObject;
  /**
   * The most MiB of objects, typed arrays not counted, that the reader ever holds. A thread that has such a bound frees the
   * volumes of a case before it reads the next; one that goes beyond it ends. Absent is V8's own bound, of some gigabytes.
   */
  readonly heapMb?: number;
}

/** The function that {@link WorkerSource} names. */
export type CreateCaseReader = (options: JsonObject) => CaseReader | Promise<CaseReader>;

/** One step on intensities. Volume statistics are those of the whole preprocessed volume, not of the crop. */
export type NormalisationStep =
  /** Clip to [low, high] in the unit of the data. */
  | { readonly kind: 'clip'; readonly low: number; readonly high: number }
  /** Clip to two percentiles (0..100, linear interpolation) of the volume. */
  | { readonly kind: 'clip-percentiles'; readonly low: number; readonly high: number }
  /** (x - min) / (max - min) of the volume; a constant volume becomes 0. */
  | { readonly kind: 'min-max' }
  /** (x - mean) / std of the volume; std 0 counts as 1. */
  | { readonly kind: 'z-score' }
  /** (x - subtract) / divide. */
  | { readonly kind: 'affine'; readonly subtract: number; readonly divide: number };

/** Intensity preparation, the same in training, evaluation and prediction. */
export interface Normalisation {
  readonly steps: readonly NormalisationStep[];
  /** Interval that a picture of the result shows from black to white; teachers made for photos use it. */
  readonly display: readonly [black: number, white: number];
}

/** Grid on which the network works. Predictions are brought back from it to the grid of the input. */
export type WorkingGrid =
  | { readonly kind: 'keep' }
  /** The whole volume resized to a fixed shape `[d, h, w]` (method.md §2.1). */
  | { readonly kind: 'shape'; readonly shape: Index3 }
  /** Resampled to a spacing `[d, h, w]` in mm. */
  | { readonly kind: 'spacing'; readonly spacing: Index3 };

/** Cuts away what is around the body: to the bounding box of the largest connected part above a threshold. */
export interface BodyCrop {
  /** Intensity above which a voxel counts as body, in the unit of the data. */
  readonly above: number;
  /** Millimetres that are kept around the box. */
  readonly margin: number;
}

/** Everything between a file and the network, as data; applied by the trainer in this order. */
export interface Preprocessing {
  /** `RAS` reorients to the nearest RAS+ axes, `keep` leaves the axes of the file. */
  readonly orientation: 'RAS' | 'keep';
  /** Absent or null keeps the whole volume. */
  readonly crop?: BodyCrop | null;
  /** Images trilinear (`align_corners=False`), labels nearest. */
  readonly grid: WorkingGrid;
  /**
   * Which voxel a resized label takes: `nearest-exact` (default) the one whose centre is nearest, `nearest` the one of
   * PyTorch's mode of that name, up to half a voxel off (method.md §2.1).
   */
  readonly labelRule?: 'nearest' | 'nearest-exact';
  readonly normalisation: Normalisation;
}

/** How training crops are drawn from preprocessed volumes. */
export interface PatchSampling {
  /** Share of labelled crops centred on a random foreground voxel, class drawn uniformly; the rest is uniform. */
  readonly foreground: number;
  /** `exclusive` draws offsets from [0, size - patch) as DHC's loader does (method.md §2.4), `inclusive` from [0, size - patch]. */
  readonly upperOffset: 'inclusive' | 'exclusive';
  /** Axes flipped independently with probability 0.5, image and label alike. */
  readonly flips: readonly Axis[];
  /**
   * Classes that change places when `axis` is flipped: a mirrored left kidney looks like a right one. Absent or null leaves
   * labels as they are, as the published protocols do.
   */
  readonly swap?: { readonly axis: Axis; readonly pairs: readonly (readonly [left: number, right: number])[] } | null;
  /** `strong` draws the strong augmentation of A&D for every crop (method.md §2.4); absent or null draws none. */
  readonly augmentation?: 'strong' | null;
  /**
   * A side that is not longer than the patch is padded by floor((patch - side) / 2) + `margin` voxels on both ends before the
   * offset is drawn, as DHC (3) and A&D (1) do (method.md §2.4). Absent pads it to the patch, evenly.
   */
  readonly margin?: number;
  /** Volumes smaller than the patch are padded evenly with this value after normalisation; the label with 0. */
  readonly padValue: number;
}

/**
 * How the image of a case is found among its files and read. A network predicts rightly on images alone that are read the
 * same way.
 */
export interface ImageReading {
  /** Which of the files `<case>_0000`, `<case>_0001` ... of a case is its image; null where the names carry no such number. */
  readonly channel: number | null;
  /** What the data set calls its channels in order, such as `CT`; empty where it does not name them. */
  readonly channelNames: readonly string[];
  /** Whether intensities are in HU. */
  readonly isHu: boolean;
  /** Which volume along the fourth axis of a file is read, from 0; null where a file with several is an error. */
  readonly frame: number | null;
  /** The matrix that is taken where the two of a NIfTI file disagree; null makes that an error. */
  readonly geometry: 'sform' | 'qform' | null;
  /** Stands in for NaN and infinite intensities; null makes them an error. */
  readonly replaceNonFinite: number | null;
  /** Largest deviation of DICOM slices from an even distance, as a share of it; null leaves it to the reader. */
  readonly spacingTolerance: number | null;
  /** SeriesInstanceUID by the name of a folder that holds several DICOM series. */
  readonly series: Readonly<Record<string, string>>;
}

/** Truth about the data for the run record. */
export interface DataFingerprint {
  /** sha256 (hexadecimal) over classes, splits, preprocessing and the case digests in order. */
  readonly digest: string;
  /** Digest by case id. A label digest is never computed for unlabelled cases. */
  readonly cases: Readonly<Record<string, CaseDigests>>;
}

/** One finding of `dinomix data check`. */
export interface DataProblem {
  readonly severity: 'error' | 'warning';
  readonly file: string;
  readonly caseId: string | null;
  /** What is wrong, with the value and, for voxels, the first index. */
  readonly message: string;
  readonly fix: string;
  /** Cases that lack an image or label file, where this is all that the problem tells: others can be used without them. */
  readonly absent?: readonly string[];
}

/** A case that was left out of a data set since its image or label file is not there. */
export interface AbsentCase {
  readonly caseId: string;
  /** Its part of the split; null where it has a file and stands in no part. */
  readonly role: CaseRole | null;
  /** Of the files, or the split or folder where one is missing. */
  readonly file: string;
  readonly message: string;
  readonly fix: string;
}

/** The split of a data set as the record of a run has it. */
export interface RecordedSplit {
  /** Case ids by role. */
  readonly splits: Readonly<Record<CaseRole, readonly string[]>>;
  /** Digests by case id: which cases had a label. */
  readonly cases: Readonly<Record<string, CaseDigests>>;
}

/** The slot `dataset`: where cases come from and how they are meant to be used. */
export interface Dataset extends CaseReader {
  /** Name for reports. */
  readonly title: string;
  /** Ordered by index, starting with background. */
  readonly classes: readonly ClassInfo[];
  /** Case ids by role, each in a fixed order; disjoint by patient. */
  readonly splits: Readonly<Record<CaseRole, readonly string[]>>;
  readonly preprocessing: Preprocessing;
  readonly sampling: PatchSampling;
  readonly workerSource: WorkerSource;
  /** Licence and origin of the data, for the run record. */
  readonly licence: string;
  /**
   * Grid `[d, h, w]` on which metrics compare: prediction and reference are resized to it, nearest as PyTorch's `nearest`.
   * Absent or null compares on the working grid.
   */
  readonly metricShape?: Index3 | null;
  /** False where files do not tell where their axes point in the patient, as npy and h5; absent is true. */
  readonly hasAxes?: boolean;
  /** How images are read; absent where the cases are no files that a prediction could be given. */
  readonly reading?: ImageReading;
  /** Folder of prepared volumes, absolute; absent or null prepares cases whenever they are read. */
  readonly cache?: string | null;
  /** @param known - spares reading files whose digests are known. */
  fingerprint(known?: KnownDigests): Promise<DataFingerprint>;
  /** Every problem of the data set, file by file, without stopping at the first. */
  check(): AsyncIterable<DataProblem>;
  /**
   * The data set without the cases that lack an image or label file, and which these are. It is there where these cases
   * keep the data set from being used, for preparing the others in advance; no run may train on it.
   * @throws DMX_DATASET_UNUSABLE where something else is wrong too.
   */
  withoutAbsent?(): { readonly dataset: Dataset; readonly absent: readonly AbsentCase[] };
  /**
   * The data set with the split that it had when a run began, whatever came into its folder since. A data set whose split
   * follows from its options alone needs none; without it, a run is refused once the split is another.
   * @throws DMX_DATASET_UNUSABLE naming every case whose image or label is not there any more.
   */
  withSplit?(recorded: RecordedSplit): Dataset;
  dispose?(): Promise<void>;
}

/** What is known once the splits are verified and the labels counted. */
export interface DatasetFacts {
  readonly title: string;
  readonly classes: readonly ClassInfo[];
  readonly splits: Readonly<Record<CaseRole, readonly string[]>>;
  /** Voxels per class over the labelled cases on the working grid, `[k]`. */
  readonly labelledVoxels: readonly number[];
  readonly fingerprint: DataFingerprint;
}

/** One step of an augmentation, drawn: radians, factors, or the standard deviation of a blur in voxels. */
export interface AugmentationStep {
  readonly kind: 'rotate' | 'scale' | 'blur' | 'brightness' | 'contrast' | 'gamma';
  readonly value: number;
}

/** Where a crop was cut, and what was done to it. */
export interface Crop {
  readonly caseId: string;
  /** Corner in the preprocessed volume, voxels; negative where the volume was padded. */
  readonly offset: Index3;
  /** Axes flipped after cutting. */
  readonly flips: readonly [depth: boolean, height: boolean, width: boolean];
  /** Applied after the flips, in this order; absent where nothing was drawn. */
  readonly augmentation?: readonly AugmentationStep[];
}

/** A whole volume as crops are cut from it: working grid, normalised. */
export interface PreparedVolume {
  readonly shape: Index3;
  /** Intensities `[d, h, w]`; not to be changed. */
  readonly image: Float32Array;
}

/** Crops with ground truth. */
export interface LabelledBatch {
  readonly shape: BatchShape;
  /** Normalised intensities `[b, d, h, w]`. */
  readonly image: Float32Array;
  /** Class indices `[b, d, h, w]`. */
  readonly label: Uint8Array;
  readonly crops: readonly Crop[];
}

/** Crops without ground truth; there is no field for it. */
export interface UnlabelledBatch {
  readonly shape: BatchShape;
  /** Normalised intensities `[b, d, h, w]`. */
  readonly image: Float32Array;
  readonly crops: readonly Crop[];
}

/** What the loader hands to a step. */
export interface Batch {
  readonly labelled: LabelledBatch;
  /** Null when the config asks for no unlabelled crops. */
  readonly unlabelled: UnlabelledBatch | null;
}
