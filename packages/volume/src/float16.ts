const floatView = new Float32Array(1);
const wordView = new Uint32Array(floatView.buffer);

/**
 * Returns the IEEE 754 binary16 bits of a number, rounded to nearest, ties to even.
 *
 * @remarks The number is first rounded to float32, as NumPy and PyTorch do when they convert float32 data.
 */
export function encodeFloat16(value: number): number {
  floatView[0] = value;
  const word = wordView[0]!;
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // 0x477ff000 is 65520, the first float32 that rounds up to infinity.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) {
    const rebased = magnitude - 0x38000000;
    return sign | ((rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13);
  }
  // Below 2^-25 everything rounds to zero; the tie 2^-25 itself goes to the even zero.
  if (magnitude <= 0x33000000) return sign;
  const shift = 126 - (magnitude >>> 23);
  const mantissa = (magnitude & 0x7fffff) | 0x800000;
  const half = mantissa >>> shift;
  const rest = mantissa & ((1 << shift) - 1);
  const tie = 1 << (shift - 1);
  return sign | (half + (rest > tie || (rest === tie && (half & 1) === 1) ? 1 : 0));
}

/** Returns the number that binary16 bits stand for. */
export function decodeFloat16(bits: number): number {
  const exponent = (bits >>> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 0x1f) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

/** Returns the binary16 bits of each value; see {@link encodeFloat16}. */
export function toFloat16(values: Float32Array): Uint16Array {
  const bits = new Uint16Array(values.length);
  for (let index = 0; index < values.length; index++) bits[index] = encodeFloat16(values[index]!);
  return bits;
}

let decodeTable: Float32Array | undefined;

/**
 * Returns the values of binary16 bits, which float32 holds exactly.
 * @param values - where they go, as many as there are bits; default new memory.
 */
export function fromFloat16<T extends Float32Array = Float32Array>(
  bits: Uint16Array,
  values = new Float32Array(bits.length) as T,
): T {
  decodeTable ??= Float32Array.from({ length: 65536 }, (_, pattern) => decodeFloat16(pattern));
  const table = decodeTable;
  for (let index = 0; index < bits.length; index++) values[index] = table[bits[index]!]!;
  return values;
}
