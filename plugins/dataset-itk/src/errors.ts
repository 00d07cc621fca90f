/** Codes of the errors that this package throws. */
export type ItkErrorCode =
  /** A file that cannot be read: damaged, cut off, of another format. */
  | 'DMX_IMAGE_READ'
  /** A file that cannot be written. */
  | 'DMX_IMAGE_WRITE'
  /** More voxels than may be taken memory for. */
  | 'DMX_IMAGE_SIZE'
  /** Not one number per voxel on three axes. */
  | 'DMX_IMAGE_KIND'
  /** A segmentation of 3D Slicer whose segments are no classes. */
  | 'DMX_IMAGE_SEGMENTS'
  /** A matrix that the format cannot hold. */
  | 'DMX_IMAGE_GEOMETRY'
  /** A folder without a series, or with several of them. */
  | 'DMX_DICOM_SERIES'
  /** A file of a series that does not fit the others or is cut off. */
  | 'DMX_DICOM_SLICE'
  /** Slices that are not evenly spaced, parallel and in line. */
  | 'DMX_DICOM_GEOMETRY'
  /** A DICOM segmentation that cannot be read onto this image. */
  | 'DMX_DICOM_SEG';

/** What an {@link ItkError} says: the file, what is wrong with which value, and what to do about it. */
export interface ItkErrorDetail {
  readonly file: string;
  readonly problem: string;
  readonly fix: string;
  readonly cause?: unknown;
}

/** An error that names file, value, cause and cure, of the same form as the `VolumeError` of `@dinomix/volume`. */
export class ItkError extends Error {
  readonly code: ItkErrorCode;
  readonly file: string;
  readonly problem: string;
  readonly fix: string;

  constructor(code: ItkErrorCode, { file, problem, fix, cause }: ItkErrorDetail) {
    super(`${code}  ${file}: ${problem}\n  fix  ${fix}`, { cause });
    this.name = 'ItkError';
    this.code = code;
    this.file = file;
    this.problem = problem;
    this.fix = fix;
  }
}
