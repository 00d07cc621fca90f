import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Grid, readNifti, settleNonFinite, type Volume, type VolumeError } from '@dinomix/volume';
import { ItkError, type ItkErrorCode } from '../errors.js';
import { assertHeld, readStoredVoxels, storedImageOf } from '../header/voxel-bytes.js';
import { headerBytes } from '../header-text.js';
import { callItk } from '../itk/call.js';
import { gridOfItk } from '../itk/geometry.js';
import type { ItkAnswer, ItkImage, ItkRefusal } from '../itk/protocol.js';
import { voxelsOf } from '../itk/voxels.js';
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

/** The place of an image; ITK takes any matrix, a volume none that is singular. */
function placeOf(image: Omit<ItkImage, 'data'>, file: string): Grid {
  try {
    return gridOfItk(image);
  } catch (error) {
    const problem = `places no voxels: ${(error as VolumeError).problem}`;
    const fix = 'write the spacing and the directions of the axes into its header';
    throw new ItkError('DMX_IMAGE_GEOMETRY', { file, problem, fix, cause: error });
  }
}

/** ITK takes an axis of one layer for numbers of a voxel. */
const axesOf = (sizes: readonly number[]) => sizes.filter((size) => size !== 1).join(' x ');

/** What the header says, proven by the files, and what ITK finds in it. */
async function openImage(kind: 'read-image' | 'inspect-image', path: string, options: ReadImageOptions) {
  const { maxBytes = MAX_BYTES, signal } = options;
  const file = resolve(path);
  await headerBytes(file);
  if (!FORMATS.test(file)) {
    const fix = 'name a .nrrd, .nhdr, .mha, .mhd, .mgz, .mgh, .gipl or .nii(.gz) file';
    throw new ItkError('DMX_IMAGE_READ', { file, problem: 'its name is that of no known image format', fix });
  }
  // ITK would call layers numbers per voxel.
  await slicerSegments(file);
  const stored = await storedImageOf(file);
  // ITK takes memory for the voxels of a header even where it is asked for the header alone.
  await assertHeld(file, stored, maxBytes);
  const voxels = kind === 'read-image' && stored.start !== null ? await readStoredVoxels(file, stored) : null;
  const request = {
    kind: voxels === null ? kind : ('inspect-image' as const),
    file: await behindLinks(file),
    maxBytes,
  };
  const answer = await callItk(request, signal);
  const { image, datatype } = imageOfAnswer(
    answer,
    file,
    'the file is damaged, cut off or of another format: fetch it again',
  );
  const isAlike = datatype === stored.type && axesOf(image.size) === axesOf(stored.sizes);
  if (!isAlike) {
    const found = `${image.size.join(' x ')} voxels of ${datatype}`;
    const problem = `ITK finds ${found}; its header says ${stored.sizes.join(' x ')} of ${stored.type}`;
    throw new ItkError('DMX_IMAGE_READ', { file, problem, fix: 'write the file again with another program' });
  }
  return { grid: placeOf(image, file), datatype, data: voxels === null ? image.data : voxelsOf(voxels), file };
}

/** Reads the header of an image file alone. NIfTI is left to `readNiftiInfo`. @throws as {@link readImage}. */
export async function inspectImage(path: string, options: ReadImageOptions = {}): Promise<ImageInfo> {
  const { grid, datatype } = await openImage('inspect-image', path, options);
  return { grid, datatype };
}

/**
 * Reads a 3D volume from NRRD (.nrrd, .nhdr), MetaImage (.mha, .mhd), FreeSurfer (.mgz, .mgh), GIPL or NIfTI.
 *
 * @returns the voxels [d, h, w] in the type of the file (int32 and wider as int16 or int32, float64 as float32), spacing in
 * mm, the affine to RAS+ mm. A file of two axes becomes one slice.
 * @remarks ITK reads the headers of all but NIfTI, where it prefers the qform: those go to `readNifti` of `@dinomix/volume`,
 * which demands a choice. ITK's LPS world is turned to RAS. Voxels are read here wherever they are raw or compressed in one
 * piece, and what a header announces is compared with what its files hold before memory is taken.
 * @throws ItkError `DMX_IMAGE_READ`, `DMX_IMAGE_SIZE`, `DMX_IMAGE_KIND`, `DMX_IMAGE_GEOMETRY` for a matrix that places no voxels,
 * `DMX_IMAGE_SEGMENTS` for segments of 3D Slicer in several layers; VolumeError `DMX_FILE_READ`, `DMX_VOLUME_INTENSITY`, and
 * those of `readNifti`.
 */
export async function readImage(path: string, options: ReadImageOptions = {}): Promise<Volume> {
  const { geometry, replaceNonFinite, maxBytes = MAX_BYTES } = options;
  if (NIFTI.test(path)) {
    const replacement = replaceNonFinite === undefined ? {} : { replaceNonFinite };
    return (await readNifti(path, { maxBytes, ...(geometry === undefined ? {} : { geometry }), ...replacement }))
      .volume;
  }
  const { grid, data, file } = await openImage('read-image', path, options);
  const volume: Volume = { ...grid, data };
  settleNonFinite(volume.data, volume.shape, file, replaceNonFinite);
  return volume;
}
