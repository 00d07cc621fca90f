import { openRegularFile, type StoredArray } from '@dinomix/volume';
import { ItkError } from '../errors.js';
import { binaryImage } from './binary.js';
import { metaImage } from './meta-image.js';
import { nrrdImage } from './nrrd.js';
import { inflateAll } from './packed.js';
import { announcedBytes, type ElementType, headerError, type StoredImage, WIDTHS } from './stored-image.js';

// Deflate packs 258 bytes into two bits at best.
const BEST_RATIO = 1032;
// More than this, or four times the file, is counted before anybody takes memory for it.
const UNPROVEN = 2 ** 26;

const ARRAYS: Readonly<Record<ElementType, new (buffer: ArrayBuffer) => StoredArray>> = {
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  float32: Float32Array,
  float64: Float64Array,
};

/** What the header of a file says of its voxels. @throws ItkError `DMX_IMAGE_READ`. */
export function storedImageOf(file: string): Promise<StoredImage> {
  if (/\.n(rrd|hdr)$/i.test(file)) return nrrdImage(file);
  return /\.mh[ad]$/i.test(file) ? metaImage(file) : binaryImage(file);
}

/** Bytes of a file with voxels. @throws ItkError `DMX_IMAGE_READ` that names the header. */
async function sizeOf(file: string, header: string): Promise<number> {
  const { file: handle, size } = await openRegularFile(file).catch((error: Error) => {
    throw headerError(header, `the file of its voxels cannot be opened: ${error.message}`);
  });
  await handle.close();
  return size;
}

/** An upper bound of the bytes of voxels that files of these sizes can hold. */
function mostBytes({ packing, type, start, packedFrom }: StoredImage, sizes: readonly number[]): number {
  const there = sizes.reduce((sum, size) => sum + size, 0);
  if (packing === 'raw') return there - (start ?? 0);
  if (packing === 'deflate') return (there - packedFrom) * BEST_RATIO;
  // A digit and what parts it from the next.
  return Math.ceil(there / 2) * WIDTHS[type];
}

const shapeText = ({ sizes, type, components }: StoredImage) =>
  `${sizes.join(' x ')} voxels of ${type}${components === 1 ? '' : `, ${components} numbers each`}`;

/** The error of voxels that are not there. */
function absentError(file: string, stored: StoredImage, there: number): ItkError {
  const problem = `announces ${shapeText(stored)}, that is ${announcedBytes(stored)} bytes; it has ${Math.max(0, there)}`;
  return headerError(file, problem);
}

/**
 * Compares what a header announces with what its files hold, before memory is taken for it.
 *
 * @param maxBytes - limit of the caller
 * @throws ItkError `DMX_IMAGE_SIZE` for more than the limit or than the files could ever hold, `DMX_IMAGE_READ` for files that
 * are cut off or damaged.
 */
export async function assertHeld(file: string, stored: StoredImage, maxBytes: number): Promise<void> {
  const sizes = await Promise.all(stored.files.map((one) => sizeOf(one, file)));
  const announced = announcedBytes(stored);
  const most = mostBytes(stored, sizes);
  if (announced > maxBytes || (stored.packing === 'deflate' && announced > most)) {
    const problem = `announces ${shapeText(stored)}, that is ${announced} bytes; at most ${Math.max(0, Math.min(maxBytes, most))} are possible`;
    const fix = 'cut or resample the image, or convert it to NIfTI; else the header is damaged';
    throw new ItkError('DMX_IMAGE_SIZE', { file, problem, fix });
  }
  if (announced > most) throw absentError(file, stored, most);
  const there = sizes.reduce((sum, size) => sum + size, 0);
  if (stored.packing !== 'deflate' || announced <= Math.max(UNPROVEN, 4 * there)) return;
  let length = 0;
  for (const [index, packed] of stored.files.entries()) {
    const from = index === 0 ? stored.packedFrom : 0;
    await inflateAll({ file: packed, from, header: file }, announced, (piece) => {
      length += piece.length;
    });
  }
  if (length < announced) throw absentError(file, stored, length);
}

async function readRaw(file: string, start: number, target: Uint8Array): Promise<number> {
  const { file: handle } = await openRegularFile(file);
  let filled = 0;
  try {
    while (filled < target.length) {
      const { bytesRead } = await handle.read(
        target,
        filled,
        Math.min(2 ** 30, target.length - filled),
        start + filled,
      );
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
  } finally {
    await handle.close();
  }
  return filled;
}

async function readPacked(file: string, stored: StoredImage, target: Uint8Array): Promise<number> {
  let skip = stored.start!;
  let filled = 0;
  const packed = { file: stored.files[0]!, from: stored.packedFrom, header: file };
  await inflateAll(packed, target.length + skip, (piece) => {
    const rest = piece.subarray(Math.min(skip, piece.length));
    skip -= piece.length - rest.length;
    const part = rest.subarray(0, target.length - filled);
    target.set(part, filled);
    filled += part.length;
  });
  return filled;
}

function swapBytes(bytes: Buffer, width: number): void {
  if (width === 2) bytes.swap16();
  else if (width === 4) bytes.swap32();
  else if (width === 8) bytes.swap64();
}

/**
 * Reads the voxels of an image whose place in its file is known (`start`); compressed data to its checksum.
 *
 * @remarks Memory is touched as voxels arrive. ITK gives zeros, or memory as it was, for voxels that MetaImage, MGH and GIPL
 * files lack, and does not look at checksums.
 * @throws ItkError `DMX_IMAGE_READ` where the file is cut off or damaged.
 */
export async function readStoredVoxels(file: string, stored: StoredImage): Promise<StoredArray> {
  const { packing, files, start, type, littleEndian } = stored;
  const buffer = new ArrayBuffer(announcedBytes(stored));
  const target = Buffer.from(buffer);
  const filled =
    packing === 'deflate' ? await readPacked(file, stored, target) : await readRaw(files[0]!, start!, target);
  if (filled < target.length) throw absentError(file, stored, filled);
  const machineIsLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
  if (littleEndian !== machineIsLittleEndian) swapBytes(target, WIDTHS[type]);
  return new ARRAYS[type](buffer);
}
