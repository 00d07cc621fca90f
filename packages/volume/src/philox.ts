const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;

/** Four 32-bit words. */
export type Words4 = Uint32Array;

// The high word of a 32x32-bit product from 16-bit halves: every partial sum stays below 2^53.
function multiplyHigh(multiplierHigh: number, multiplierLow: number, word: number): number {
  const high = word >>> 16;
  const low = word & 0xffff;
  const middle = multiplierHigh * low + ((multiplierLow * low) >>> 16);
  const cross = multiplierLow * high + (middle & 0xffff);
  return (multiplierHigh * high + (middle >>> 16) + (cross >>> 16)) >>> 0;
}

/**
 * Writes the Philox4x32-10 output of a counter and key into `out`, which may be the counter itself.
 *
 * @param counter - four 32-bit words, the first the least significant
 * @param key - two 32-bit words
 * @remarks Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3 (SC11), section 3.3; constants and
 * known answers of Random123.
 */
export function philox4x32(counter: Words4, key: Uint32Array, out: Words4): void {
  let c0 = counter[0]!;
  let c1 = counter[1]!;
  let c2 = counter[2]!;
  let c3 = counter[3]!;
  let k0 = key[0]!;
  let k1 = key[1]!;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0 >>> 16, MULTIPLIER_0 & 0xffff, c0);
    const low0 = Math.imul(MULTIPLIER_0, c0);
    const high1 = multiplyHigh(MULTIPLIER_1 >>> 16, MULTIPLIER_1 & 0xffff, c2);
    const low1 = Math.imul(MULTIPLIER_1, c2);
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1 >>> 0;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0 >>> 0;
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}
