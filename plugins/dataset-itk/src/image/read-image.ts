import { realpath, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Grid, readNifti, settleNonFinite, type Volume, VolumeError } from '@dinomix/volume';
import { ItkError, type ItkErrorCode } from '../errors.js';
import { filesBehind } from '../files-behind.js';
import { callItk } from '../itk/call.js';
import { gridOfItk } from '../itk/geometry.js';
import type { ItkAnswer, ItkRefusal } from '../itk/protocol.js';
import { slicerSegments } from './slicer-segments.js';

/** How to read an image file. */
export interface ReadImageOptions {
  /** For NIfTI: the matrix to use where sform and qform disagree; without it a disagreement is an error. */
  readonly geometry?: 'sform' | 'qform';
  /** Stands in for NaN and infinite intensities; without it they are an error. */
  readonly replaceNonFinite?: number;
  /** The most bytes of voxels. Default 2^30: ITK runs in 32 bits of addresses and holds a volume twice. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

const MAX_BYTES = 2 ** 30;
const NIFTI = /\.nii(\.gz)?$/i;
const FORMATS = /\.(nrrd|nhdr|mha|mhd|mgz|mgh|mgh\.gz|gipl|gipl\.gz)$/i;
// Deflate packs 258 bytes into two bits at best.
const BEST_RATIO = 1032;

const REFUSED: Readonly<Record<ItkRefusal['reason'], readonly [ItkErrorCode, string]>> = {
  kind: ['DMX_IMAGE_KIND', 'split it into 3D volumes of one number per voxel, one file each'],
  size: ['DMX_IMAGE_SIZE', 'cut or resample the image, or convert it to NIfTI; else the header is damaged'],
};

/** The image of an answer. @throws ItkError for a refusal or a failure of ITK. */
export function imageOfAnswer(
  answer: ItkAnswer,
  file: string,
  failedFix: string,
): Extract<ItkAnswer, { kind: 'image' }> {
  if (answer.kind === 'image') return answer;
  if (answer.kind === 'refused') {
    const [code, fix] = REFUSED[answer.refusal.reason];
    throw new ItkError(code, { file, problem: answer.refusal.text, fix });
  }
  const said = answer.kind === 'failed' ? answer.text : 'an answer of another kind';
  throw new ItkError('DMX_IMAGE_READ', { file, problem: `cannot be read: ${said}`, fix: failedFix });
}

async function bytesOfFile(file: string): Promise<number> {
  try {
    const found = await stat(file);
    if (found.isFile()) return found.size;
  } catch (cause) {
    const problem = `cannot be read: ${(cause as Error).message}`;
    throw new VolumeError('DMX_FILE_READ', { file, problem, fix: 'check the path and the permissions', cause });
  }
  throw new VolumeError('DMX_FILE_READ', { file, problem: 'is not a file', fix: 'name a file' });
}

/** What {@link inspectImage} finds. */
export interface ImageInfo {
  readonly grid: Grid;
  /** Element type in the file: `uint8`, `int16`, `float32` and so on. */
  readonly datatype: string;
}

/** ITK sees the folder of a file alone, so that it cannot follow links; it tells formats by names. */
async function behindLinks(file: string): Promise<string> {
  const target = await realpath(file);
  if (FORMATS.test(target)) return target;
  const problem = `is a link to ${target}, whose name is that of no known image format`;
  throw new ItkError('DMX_IMAGE_READ', { file, problem, fix: 'put a copy or a hard link in its place' });
}

async function askItk(kind: 'read-image' | 'inspect-image', path: string, options: ReadImageOptions) {
  const { maxBytes = MAX_BYTES, signal } = options;
  const file = resolve(path);
  const size = await bytesOfFile(file);
  if (!FORMATS.test(file)) {
    const fix = 'name a .nrrd, .nhdr, .mha, .mhd, .mgz, .mgh, .gipl or .nii(.gz) file';
    throw new ItkError('DMX_IMAGE_READ', { file, problem: 'its name is that of no known image format', fix });
  }
  // ITK would call layers numbers per voxel.
  await slicerSegments(file);
  const beside = (await filesBehind(file)).filter((other) => other !== file);
  const sizes = await Promise.all(beside.map((other) => bytesOfFile(other).catch(() => 0)));
  const there = sizes.reduce((sum, bytes) => sum + bytes, size);
  const request = { kind, file: await behindLinks(file), maxBytes: Math.min(maxBytes, there * BEST_RATIO) };
  const answer = await callItk(request, signal);
  return imageOfAnswer(answer, file, 'the file is damaged, cut off or of another format: fetch it again');
}

/** Reads the header of an image file alone. NIfTI is left to `readNiftiInfo`. @throws as {@link readImage}. */
export async function inspectImage(path: string, options: ReadImageOptions = {}): Promise<ImageInfo> {
  const { image, datatype } = await askItk('inspect-image', path, options);
  return { grid: gridOfItk(image), datatype };
}

/**
 * Reads a 3D volume from NRRD (.nrrd, .nhdr), MetaImage (.mha, .mhd), FreeSurfer (.mgz, .mgh), GIPL or NIfTI.
 *
 * @returns the voxels [d, h, w] in the type of the file (int32 and wider as int16 or int32, float64 as float32), spacing in
 * mm, the affine to RAS+ mm. A file of two axes becomes one slice.
 * @remarks ITK reads all of them but NIfTI, where it prefers the qform: those go to `readNifti` of `@dinomix/volume`, which
 * demands a choice. ITK's LPS world is turned to RAS. The announced size is checked before memory is taken.
 * @throws ItkError `DMX_IMAGE_READ`, `DMX_IMAGE_SIZE`, `DMX_IMAGE_KIND`, `DMX_IMAGE_SEGMENTS` for segments of 3D Slicer in
 * several layers; VolumeError `DMX_FILE_READ`,
 * `DMX_VOLUME_INTENSITY`, and those of `readNifti`.
 */
export async function readImage(path: string, options: ReadImageOptions = {}): Promise<Volume> {
  const { geometry, replaceNonFinite, maxBytes = MAX_BYTES } = options;
  if (NIFTI.test(path)) {
    const replacement = replaceNonFinite === undefined ? {} : { replaceNonFinite };
    return (await readNifti(path, { maxBytes, ...(geometry === undefined ? {} : { geometry }), ...replacement }))
      .volume;
  }
  const { image } = await askItk('read-image', path, options);
  const volume: Volume = { ...gridOfItk(image), data: image.data };
  settleNonFinite(volume.data, volume.shape, resolve(path), replaceNonFinite);
  return volume;
}
