import { VolumeError } from '../errors.js';
import { type Grid, type Volume, voxelCount } from '../volume.js';
import { type ByteSource, openByteSource, type Scratch } from './byte-source.js';
import { bytesOf } from './datatypes.js';
import { HEADER_BYTES, LONGEST_HEADER, type NiftiHeader, parseNiftiHeader } from './header.js';
import { decodeLabelNames, type LabelNames } from './label-names.js';
import { gridOf, type NiftiGeometry } from './placement.js';
import { intensitiesOf, settleNonFinite, swapBytes } from './voxels.js';

/** How to read a NIfTI file. */
export interface ReadNiftiOptions {
  /** The matrix to use where sform and qform disagree; without it a disagreement is an error. */
  readonly geometry?: NiftiGeometry;
  /**
   * Which volume to read of a file with a fourth axis, from 0, as the Decathlon stores several modalities; without it such
   * a file is an error.
   */
  readonly frame?: number;
  /** Stands in for NaN and infinite intensities; without it they are an error. */
  readonly replaceNonFinite?: number;
  /** The most bytes of voxels to take memory for. Default 2^32. */
  readonly maxBytes?: number;
  /**
   * Gives memory of at least so many bytes for a compressed file; it is free again when reading ends. With it a file is
   * inflated in one call that blocks the thread, for threads that do nothing else: it spares hand-overs to the thread pool.
   */
  readonly scratch?: Scratch;
}

/** What the header of a NIfTI file says, without its voxels. */
export interface NiftiInfo {
  readonly header: NiftiHeader;
  readonly grid: Grid;
  /** Names of label values, if a header extension holds them. */
  readonly labelNames: LabelNames | undefined;
}

/** A NIfTI file's content. */
export interface NiftiImage extends NiftiInfo {
  readonly volume: Volume;
}

const MAX_BYTES = 2 ** 32;
// Extensions hold text, or at most DICOM headers.
const LONGEST_EXTENSIONS = 2 ** 26;

/**
 * Reads a 3D volume from a NIfTI-1 or -2 file, gzip-compressed or not, of either byte order.
 *
 * @returns intensities with slope and intercept applied (unscaled integers keep their type), spacing in mm, the
 * affine to RAS+ mm, and label names if the file holds them.
 * @remarks Sizes are checked against the header and the file before memory is taken. A fourth axis of one voxel is
 * dropped. As in nibabel, the unit field is not used: lengths are taken as mm.
 * @throws VolumeError `DMX_FILE_READ`, `DMX_NIFTI_*` (see {@link gridOf} for the geometry), `DMX_VOLUME_INTENSITY`
 * for NaN and infinite intensities. Every message names the file.
 */
export async function readNifti(path: string, options: ReadNiftiOptions = {}): Promise<NiftiImage> {
  const source = await openByteSource(path, options.scratch);
  try {
    const info = await readInfo(source, path, options);
    const { header, grid } = info;
    const { frame = 0, maxBytes = MAX_BYTES } = options;
    const voxels = await readVoxels(source, header, { count: voxelCount(grid.shape), frame }, path, maxBytes);
    const data = intensitiesOf(voxels, header);
    settleNonFinite(data, grid.shape, path, options.replaceNonFinite);
    return { ...info, volume: { ...grid, data } };
  } finally {
    await source.close();
  }
}

/** Reads the header and label names alone; see {@link readNifti} for options and errors. */
export async function readNiftiInfo(
  path: string,
  options: Pick<ReadNiftiOptions, 'geometry' | 'frame'> = {},
): Promise<NiftiInfo> {
  const source = await openByteSource(path);
  try {
    return await readInfo(source, path, options);
  } finally {
    await source.close();
  }
}

// Leaves the source at the first voxel.
async function readInfo(source: ByteSource, path: string, options: ReadNiftiOptions): Promise<NiftiInfo> {
  const start = new Uint8Array(LONGEST_HEADER);
  const filled = await source.fill(start.subarray(0, HEADER_BYTES[1] + 4));
  const first = new DataView(start.buffer);
  const isVersion2 = [first.getInt32(0, true), first.getInt32(0, false)].includes(HEADER_BYTES[2]);
  const length = isVersion2 ? filled + (await source.fill(start.subarray(filled))) : filled;
  const header = parseNiftiHeader(start.subarray(0, length), path);
  const grid = gridOf(
    options.frame === undefined ? header : oneFrame(header, options.frame, path),
    path,
    options.geometry,
  );
  const flagsStart = HEADER_BYTES[header.version];
  assertOffset(header, flagsStart + 4, source, path);
  const extensions = new Uint8Array(header.voxelOffset - flagsStart);
  extensions.set(start.subarray(flagsStart, flagsStart + 4));
  const rest = extensions.subarray(4);
  assertFilled(await source.fill(rest), rest.byteLength, 'header extensions', path);
  return { header, grid, labelNames: decodeLabelNames(extensions, header.littleEndian, path) };
}

/** The header as that of one volume of the file. */
function oneFrame(header: NiftiHeader, frame: number, path: string): NiftiHeader {
  const [x, y, z, frames, ...more] = header.extents as [number, number, number, number, ...number[]];
  if (frame < frames) return { ...header, extents: [x, y, z, 1, ...more] };
  const has = frames === 1 ? 'has no fourth axis and is one volume' : `has ${frames} volumes along its fourth axis`;
  throw new VolumeError('DMX_NIFTI_DIMENSIONS', {
    file: path,
    problem: `${has}; number ${frame}, from 0, is none of them`,
    fix: frames === 1 ? 'choose frame 0, which is the image itself' : `choose another frame, 0 to ${frames - 1}`,
  });
}

function assertOffset({ voxelOffset }: NiftiHeader, smallest: number, source: ByteSource, path: string): void {
  const largest = Math.min(source.mostBytes, smallest + LONGEST_EXTENSIONS);
  if (Number.isSafeInteger(voxelOffset) && voxelOffset >= smallest && voxelOffset <= largest) return;
  throw new VolumeError('DMX_NIFTI_SIZE', {
    file: path,
    problem: `its header puts the voxels at byte ${voxelOffset}; possible are ${smallest} to ${largest}`,
    fix: 'the file is cut off or its header damaged: fetch or write it again',
  });
}

async function readVoxels(
  source: ByteSource,
  header: NiftiHeader,
  { count, frame }: { readonly count: number; readonly frame: number },
  path: string,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const width = bytesOf(header.datatype);
  const frames = header.extents[3]!;
  const needed = count * frames * width;
  if (needed > maxBytes) {
    throw new VolumeError('DMX_NIFTI_SIZE', {
      file: path,
      problem: `its header announces ${needed} bytes of voxels (${header.extents.slice(0, frames > 1 ? 4 : 3).join(' x ')}), the limit is ${maxBytes}`,
      fix: 'raise the option maxBytes if the size is right; else the header is damaged',
    });
  }
  // A short plain file, or a gzip file that could not decompress to so much, is refused before memory is taken.
  assertFilled(Math.min(needed, source.mostBytes - header.voxelOffset), needed, 'voxels', path);
  const all = await source.takeFrom(header.voxelOffset, needed);
  assertFilled(all.byteLength, needed, 'voxels', path);
  const bytes = frames === 1 ? all : all.slice(frame * count * width, (frame + 1) * count * width);
  const machineIsLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
  if (header.littleEndian !== machineIsLittleEndian) swapBytes(bytes, width);
  return bytes;
}

function assertFilled(filled: number, needed: number, what: string, path: string): void {
  if (filled === needed) return;
  throw new VolumeError('DMX_NIFTI_TRUNCATED', {
    file: path,
    problem: `has at most ${Math.max(0, filled)} of the ${needed} bytes of ${what} that its header announces`,
    fix: 'the copy or download was cut off, or the header is damaged: fetch the file again',
  });
}
