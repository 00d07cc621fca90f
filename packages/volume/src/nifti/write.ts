import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { writeFileAtomic } from '../atomic.js';
import { VolumeError } from '../errors.js';
import { assertAffine } from '../geometry.js';
import { type Volume, voxelCount } from '../volume.js';
import { bytesOf, datatypeOfArray } from './datatypes.js';
import { encodeNiftiHeader, HEADER_BYTES, type NiftiHeader } from './header.js';
import { encodeLabelNames, type LabelNames } from './label-names.js';
import { placementFields, placementLike } from './placement.js';
import { swapBytes } from './voxels.js';

/** How to write a NIfTI file. */
export interface WriteNiftiOptions {
  /** Stored in a header extension, as a Caret LabelTable. */
  readonly labelNames?: LabelNames;
  /**
   * Header of the image that the volume lies on, as `readNifti` gives it: what places its voxels (codes, quaternion, both
   * matrices, units) and its version are kept as they are, so that every program puts the two on one another.
   */
  readonly like?: NiftiHeader;
  /** Default that of `like`, else 1; 2 is chosen where an axis has more than 32767 voxels. */
  readonly version?: 1 | 2;
  /** Default little. */
  readonly byteOrder?: 'little' | 'big';
  /** NIfTI code of the space: 1 scanner, 2 aligned, 3 Talairach, 4 MNI. Default 1; with `like` its own. */
  readonly spaceCode?: number;
  /** Stored values are (intensity - intercept) / slope; the volume's data are the stored values. Default 1 and 0. */
  readonly scaling?: { readonly slope: number; readonly intercept: number };
  /** Up to 79 Latin-1 characters. */
  readonly description?: string;
  /** gzip level for names that end in .gz, 1 to 9. Default 6. */
  readonly level?: number;
}

const LARGEST_EXTENT_1 = 32767;
const PIECE = 2 ** 22;

/**
 * Writes a volume to a NIfTI file, atomically; gzip-compressed if the name ends in `.gz`.
 *
 * @remarks The element type is that of the data. Both matrices are written from the one affine (no qform where it has
 * shear). NIfTI-1 stores float32: an affine read from such a file comes back the same.
 * @throws VolumeError `DMX_FILE_WRITE` if the file cannot be written, `DMX_VOLUME_ARGUMENT` for a wrong volume or name, and
 * for a volume that does not lie on the image of `like`.
 */
export async function writeNifti(path: string, volume: Volume, options: WriteNiftiOptions = {}): Promise<void> {
  assertWritable(path, volume);
  const pieces = niftiPieces(path, volume, options);
  if (!path.endsWith('.gz')) return writeFileAtomic(path, pieces);
  const gzip = createGzip({ level: options.level ?? 6, chunkSize: 2 ** 20 });
  await writeFileAtomic(path, Readable.from(pieces, { objectMode: false }).pipe(gzip));
}

function assertWritable(path: string, { data, shape, affine }: Volume): void {
  const problem = !/\.nii(\.gz)?$/i.test(path)
    ? 'is not the name of a NIfTI file'
    : data.length !== voxelCount(shape)
      ? `the data has ${data.length} values, the shape [${shape}] needs ${voxelCount(shape)}`
      : undefined;
  if (problem !== undefined) {
    const fix = 'pass a name that ends in .nii or .nii.gz and a volume made by createVolume';
    throw new VolumeError('DMX_VOLUME_ARGUMENT', { file: path, problem, fix });
  }
  assertAffine(affine);
}

function headerOf(path: string, volume: Volume, extensionBytes: number, options: WriteNiftiOptions): NiftiHeader {
  const { like } = options;
  const [z, y, x] = volume.shape;
  const version = Math.max(x, y, z) > LARGEST_EXTENT_1 ? 2 : (options.version ?? like?.version ?? 1);
  return {
    version,
    littleEndian: options.byteOrder !== 'big',
    extents: [x, y, z, 1, 1, 1, 1],
    datatype: datatypeOfArray(volume.data),
    voxelOffset: HEADER_BYTES[version] + 4 + extensionBytes,
    slope: options.scaling?.slope ?? 1,
    intercept: options.scaling?.intercept ?? 0,
    description: options.description ?? '',
    ...(like === undefined ? placementFields(volume, options.spaceCode ?? 1) : placementLike(like, volume, path)),
  };
}

function* niftiPieces(path: string, volume: Volume, options: WriteNiftiOptions): Generator<Uint8Array> {
  const { labelNames, byteOrder } = options;
  const extension = labelNames === undefined ? undefined : encodeLabelNames(labelNames, byteOrder !== 'big');
  const header = encodeNiftiHeader(headerOf(path, volume, extension?.byteLength ?? 0, options));
  if (extension !== undefined) header[header.byteLength - 4] = 1;
  yield header;
  if (extension !== undefined) yield extension;
  const { data } = volume;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const width = bytesOf(datatypeOfArray(data));
  const machineIsLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
  const swap = (byteOrder !== 'big') !== machineIsLittleEndian;
  for (let offset = 0; offset < bytes.byteLength; offset += PIECE) {
    const piece = bytes.subarray(offset, offset + PIECE);
    if (!swap) yield piece;
    else {
      const swapped = piece.slice();
      swapBytes(swapped, width);
      yield swapped;
    }
  }
}
