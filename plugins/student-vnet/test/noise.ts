/** Numbers in [-0.5, 0.5) from a 32-bit integer hash of the index, as in make-fixtures.py. */
export function noise(seed: number, count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, index) => {
    let x = (index + seed * 1000003) >>> 0;
    for (const [factor, shift] of [
      [2654435761, 15],
      [2246822519, 13],
      [3266489917, 16],
    ] as const) {
      x = Math.imul(x, factor) >>> 0;
      x = (x ^ (x >>> shift)) >>> 0;
    }
    return x / 2 ** 32 - 0.5;
  });
}
