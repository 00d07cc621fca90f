import type { VoxelArray } from '../volume.js';

/** Element types that a NIfTI file may have here. */
export type NiftiDatatype =
  | 'uint8'
  | 'int16'
  | 'int32'
  | 'float32'
  | 'float64'
  | 'int8'
  | 'uint16'
  | 'uint32'
  | 'int64'
  | 'uint64';

/** Element types that a volume holds in memory, and that a NIfTI file is written with. */
export type VoxelDatatype = 'uint8' | 'int16' | 'uint16' | 'int32' | 'float32' | 'float64';

const CODES: Record<NiftiDatatype, { readonly code: number; readonly bytes: number }> = {
  uint8: { code: 2, bytes: 1 },
  int16: { code: 4, bytes: 2 },
  int32: { code: 8, bytes: 4 },
  float32: { code: 16, bytes: 4 },
  float64: { code: 64, bytes: 8 },
  int8: { code: 256, bytes: 1 },
  uint16: { code: 512, bytes: 2 },
  uint32: { code: 768, bytes: 4 },
  int64: { code: 1024, bytes: 8 },
  uint64: { code: 1280, bytes: 8 },
};

/** Returns the datatype of a NIfTI code, or undefined (colour, complex and 128-bit types). */
export function datatypeOf(code: number): NiftiDatatype | undefined {
  return (Object.keys(CODES) as NiftiDatatype[]).find((name) => CODES[name].code === code);
}

/** Returns the NIfTI code of a datatype. */
export function codeOf(datatype: NiftiDatatype): number {
  return CODES[datatype].code;
}

/** Returns the bytes of one element. */
export function bytesOf(datatype: NiftiDatatype): number {
  return CODES[datatype].bytes;
}

/** Returns the datatype of an array. */
export function datatypeOfArray(data: VoxelArray): VoxelDatatype {
  if (data instanceof Uint8Array) return 'uint8';
  if (data instanceof Int16Array) return 'int16';
  if (data instanceof Uint16Array) return 'uint16';
  if (data instanceof Int32Array) return 'int32';
  return data instanceof Float32Array ? 'float32' : 'float64';
}
