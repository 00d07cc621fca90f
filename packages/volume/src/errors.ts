import { printable, printableLine } from './printable.js';

/** Codes of the errors that this package throws. */
export type VolumeErrorCode =
  | 'DMX_VOLUME_ARGUMENT'
  | 'DMX_VOLUME_GRID'
  | 'DMX_VOLUME_LABEL'
  | 'DMX_VOLUME_INTENSITY'
  | 'DMX_NIFTI_MAGIC'
  | 'DMX_NIFTI_TRUNCATED'
  | 'DMX_NIFTI_GZIP'
  | 'DMX_NIFTI_DIMENSIONS'
  | 'DMX_NIFTI_SPACING'
  | 'DMX_NIFTI_DATATYPE'
  | 'DMX_NIFTI_GEOMETRY'
  | 'DMX_NIFTI_EXTENSION'
  | 'DMX_NIFTI_SIZE'
  | 'DMX_SAFETENSORS_HEADER'
  | 'DMX_SAFETENSORS_TENSOR'
  | 'DMX_SAFETENSORS_DIGEST'
  | 'DMX_FILE_READ'
  | 'DMX_FILE_WRITE'
  | 'DMX_FOLDER';

/** What a {@link VolumeError} says: the file, what is wrong with which value, and what to do about it. */
export interface VolumeErrorDetail {
  readonly file?: string;
  readonly problem: string;
  readonly fix: string;
  readonly cause?: unknown;
}

/**
 * An error that names file, value, cause and cure. Recognise it by `code`, not by `instanceof`: two copies of this
 * package may be loaded.
 */
export class VolumeError extends Error {
  readonly code: VolumeErrorCode;
  readonly file: string | undefined;
  readonly problem: string;
  readonly fix: string;

  constructor(code: VolumeErrorCode, detail: VolumeErrorDetail) {
    const place = detail.file === undefined ? '' : `${printableLine(detail.file)}: `;
    super(`${code}  ${place}${printable(detail.problem)}\n  fix  ${printable(detail.fix)}`, { cause: detail.cause });
    this.name = 'VolumeError';
    this.code = code;
    this.file = detail.file;
    this.problem = detail.problem;
    this.fix = detail.fix;
  }
}

/** Returns the text of any thrown value. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
