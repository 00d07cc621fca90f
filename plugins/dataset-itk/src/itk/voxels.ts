import type { VoxelArray } from '@dinomix/volume';
import type { ItkRefusal } from './protocol.js';

/** An image that ITK can read and a volume cannot hold. */
export class Refused extends Error {
  readonly reason: ItkRefusal['reason'];

  constructor(reason: ItkRefusal['reason'], text: string) {
    super(text);
    this.reason = reason;
  }
}

interface Range {
  readonly low: number;
  readonly high: number;
}

function rangeOf(values: ArrayLike<number | bigint>): Range {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < values.length; index++) {
    const value = Number(values[index]);
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low, high };
}

const isWithin = ({ low, high }: Range, bits: number) => low >= -(2 ** (bits - 1)) && high < 2 ** (bits - 1);

function integersOf(values: Int32Array | Uint32Array | BigInt64Array | BigUint64Array): VoxelArray {
  const range = rangeOf(values);
  const wide = values instanceof BigInt64Array || values instanceof BigUint64Array;
  const at = wide ? (index: number) => Number(values[index]) : (index: number) => values[index] as number;
  if (!isWithin(range, 32)) {
    throw new Refused('values', `holds integers from ${range.low} to ${range.high}, more than 32 bits with sign`);
  }
  const Integers = isWithin(range, 16) ? Int16Array : Int32Array;
  const out = new Integers(values.length);
  for (let index = 0; index < out.length; index++) out[index] = at(index);
  return out;
}

/**
 * Voxels in memory of their own (ITK's are shared between threads), in a type that volumes have.
 *
 * @remarks ITK gives Hounsfield units of a DICOM series as int32, and real numbers as float64 where a slope was applied:
 * integers become int16 where all of them fit, else int32, and float64 becomes float32.
 */
export function voxelsOf(data: ArrayBufferView): VoxelArray {
  if (data instanceof Uint8Array) return new Uint8Array(data);
  if (data instanceof Int8Array) return Int16Array.from(data);
  if (data instanceof Int16Array) return new Int16Array(data);
  if (data instanceof Uint16Array) return new Uint16Array(data);
  if (data instanceof Float32Array || data instanceof Float64Array) return Float32Array.from(data);
  return integersOf(data as Int32Array | Uint32Array | BigInt64Array | BigUint64Array);
}
