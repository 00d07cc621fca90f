import { readFileSync } from 'node:fs';

const ARRAYS = { F32: Float32Array, F64: Float64Array, I32: Int32Array };

/** Reads a safetensors file into a map from name to `{ shape, data }`. */
export function readSafetensors(path) {
  const file = readFileSync(path);
  const length = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString('utf8', 8, 8 + length));
  const tensors = new Map();
  for (const [name, { dtype, shape, data_offsets: range }] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const bytes = file.subarray(8 + length + range[0], 8 + length + range[1]);
    const copy = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
    tensors.set(name, { shape, data: new ARRAYS[dtype](copy) });
  }
  return tensors;
}
