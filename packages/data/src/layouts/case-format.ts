import type { DataProblem, JsonObject } from '@dinomix/core';
import type { Grid, Volume } from '@dinomix/volume';

/** What the header of a file tells. */
export interface FileInspection {
  readonly grid: Grid;
  /** Element type in the file: `uint8`, `int16`, `float32`; null where that of a label tells nothing. */
  readonly datatype: string | null;
  /** The unit of length in the header where it names another than mm: `metres`; null where it could name one and does not. */
  readonly unit?: string | null | undefined;
  /** What else is to be known about the file. */
  readonly notes?: readonly Pick<DataProblem, 'severity' | 'message' | 'fix'>[];
}

/**
 * How the image and label files of cases are read. A path may be that of a folder, and image and label may be one file.
 *
 * @remarks Sizes that a file announces are checked before memory is taken. What is thrown becomes one entry of the check:
 * throw a VolumeError, or a DmxError whose `why` tells what is wrong with the file.
 */
export interface CaseFormat {
  /** Reads the header of an image. */
  inspectImage(file: string): Promise<FileInspection>;
  /** Reads the header of a label; `image` is the grid of its image, null where that cannot be read. */
  inspectLabel(file: string, image: Grid | null): Promise<FileInspection>;
  /** Reads intensities in the unit of the file; NaN and infinite ones are refused or replaced ({@link settleNonFinite}). */
  readImage(file: string): Promise<Volume>;
  /** Reads label values as the file has them, on the grid `image`; what is no class is found afterwards. */
  readLabel(file: string, image: Grid): Promise<Volume>;
  /** The files behind a path where it is not the only one: the slices of a folder, the voxels beside a header. */
  filesOf?(path: string): Promise<readonly string[]>;
}

/** A format, and where a loader thread finds it. */
export interface FormatSource {
  readonly format: CaseFormat;
  /** False where files do not tell where their axes point in the patient; absent is true. */
  readonly hasAxes?: boolean;
  /** The options that `format` was made from; they decide which voxels are read, so that prepared copies depend on them. */
  readonly reading: JsonObject;
  /**
   * `file:` URL of an ES module with an export `createCaseReader`: it takes a `ReaderPlan`, whose `reading` is the one
   * above, and returns `createReader(plan, format)`.
   */
  readonly module: string;
  /** See `WorkerSource.heapMb`. */
  readonly heapMb?: number;
}
