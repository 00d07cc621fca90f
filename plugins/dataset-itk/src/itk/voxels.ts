import { type StoredArray, toVoxelArray, type VoxelArray } from '@dinomix/volume';

const isShort = (value: number) => value >= -32768 && value <= 32767;

/**
 * Voxels in memory of their own (ITK's are shared between threads), in a type that volumes have.
 *
 * @remarks ITK gives Hounsfield units of a DICOM series as int32, and real numbers as float64 where a slope was applied:
 * integers of 32 bits become int16 where all of them fit, and float64 becomes float32.
 */
export function voxelsOf(data: StoredArray): VoxelArray {
  const values = toVoxelArray(data);
  if (values instanceof Float64Array) return Float32Array.from(values);
  if (values instanceof Int32Array && values.every(isShort)) return Int16Array.from(values);
  return values.buffer instanceof ArrayBuffer ? values : values.slice();
}
