import { VolumeError } from '../errors.js';
import type { Triple } from '../triple.js';
import { type VoxelArray, voxelAt } from '../volume.js';
import { bytesOf, type NiftiDatatype } from './datatypes.js';
import type { NiftiHeader } from './header.js';

/** Numbers as files hold them. */
export type StoredArray = VoxelArray | Int8Array | Uint32Array | BigInt64Array | BigUint64Array;

const STORED: Record<NiftiDatatype, new (buffer: ArrayBuffer, offset: number, length: number) => StoredArray> = {
  uint8: Uint8Array,
  int8: Int8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  float32: Float32Array,
  float64: Float64Array,
};

/** The bytes as an array over the same memory where they are aligned for it, else over a copy. */
function storedOf(bytes: Uint8Array<ArrayBuffer>, datatype: NiftiDatatype): StoredArray {
  const width = bytesOf(datatype);
  const { buffer, byteOffset, byteLength } = bytes.byteOffset % width === 0 ? bytes : bytes.slice();
  return new STORED[datatype](buffer, byteOffset, byteLength / width);
}

/** Reverses the bytes of each element in place. */
export function swapBytes(bytes: Uint8Array, width: number): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (width === 2) buffer.swap16();
  else if (width === 4) buffer.swap32();
  else if (width === 8) buffer.swap64();
}

/**
 * Returns the intensities of stored voxels in the byte order of this machine: slope * stored + intercept.
 *
 * @remarks Without scaling the array is the stored memory itself, except for types that volumes do not have, see
 * {@link toVoxelArray}. With scaling, float64 for
 * stored types of 32 bits and more, else float32. A slope of 0 or NaN means none (nifti1.h).
 */
export function intensitiesOf(bytes: Uint8Array<ArrayBuffer>, header: NiftiHeader): VoxelArray {
  const stored = storedOf(bytes, header.datatype);
  const values = toVoxelArray(stored);
  const { slope, intercept } = header;
  if (!Number.isFinite(slope) || slope === 0 || !Number.isFinite(intercept)) return values;
  if (slope === 1 && intercept === 0) return values;
  const exact = header.datatype === 'float32' || stored.BYTES_PER_ELEMENT < 4;
  const scaled = exact ? new Float32Array(values.length) : new Float64Array(values.length);
  scaled.set(values);
  for (let index = 0; index < scaled.length; index++) scaled[index] = scaled[index]! * slope + intercept;
  return scaled;
}

/**
 * Returns stored numbers as a type that volumes have: int8 becomes int16; uint32, int64 and uint64 become int32 if every
 * value fits, else float64. The others are returned as they are.
 */
export function toVoxelArray(stored: StoredArray): VoxelArray {
  if (stored instanceof Int8Array) return Int16Array.from(stored);
  const isBig = stored instanceof BigInt64Array || stored instanceof BigUint64Array;
  if (!isBig && !(stored instanceof Uint32Array)) return stored;
  const exact = new Float64Array(stored.length);
  for (let index = 0; index < exact.length; index++) exact[index] = Number(stored[index]);
  const integers = Int32Array.from(exact);
  return integers.every((value, index) => value === exact[index]) ? integers : exact;
}

/**
 * Throws `DMX_VOLUME_INTENSITY` with the first voxel and the number of NaN or infinite values, or replaces them.
 *
 * @param replacement - the value to put instead of each
 */
export function settleNonFinite(data: VoxelArray, shape: Triple, file: string, replacement: number | undefined): void {
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return;
  let count = 0;
  let first = -1;
  for (let index = 0; index < data.length; index++) {
    const value = data[index]!;
    if (value - value === 0) continue;
    if (count === 0) first = index;
    count++;
    if (replacement !== undefined) data[index] = replacement;
  }
  if (count === 0 || replacement !== undefined) return;
  const voxel = [...voxelAt(first, shape)].reverse();
  throw new VolumeError('DMX_VOLUME_INTENSITY', {
    file,
    problem: `${count} of ${data.length} intensities are not finite; the first, ${data[first]}, is voxel (i, j, k) = (${voxel})`,
    fix: 'repair the image, or replace such values while reading (option replaceNonFinite)',
  });
}
