import type { SmoothNoise } from './solid.js';

/** An integer hash of a lattice point: three rounds of multiply and shift (constants of MurmurHash3's finaliser). */
function latticeHash(x: number, y: number, z: number, seed: number): number {
  let h = seed ^ Math.imul(x, 0x9e3779b1) ^ Math.imul(y, 0x85ebca6b) ^ Math.imul(z, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/**
 * Returns value noise: random values in [-1, 1] on a lattice of `scale` mm, with smooth interpolation between them.
 * Integer arithmetic on the lattice makes it the same on every machine.
 */
export function valueNoise(seed: number, scale: number): SmoothNoise {
  const value = (x: number, y: number, z: number) => latticeHash(x, y, z, seed) / 2 ** 31;
  return (x, y, z) => {
    const ix = Math.floor(x / scale);
    const iy = Math.floor(y / scale);
    const iz = Math.floor(z / scale);
    const tx = fade(x / scale - ix);
    const ty = fade(y / scale - iy);
    const tz = fade(z / scale - iz);
    const a = value(ix, iy, iz) * (1 - tx) + value(ix + 1, iy, iz) * tx;
    const b = value(ix, iy + 1, iz) * (1 - tx) + value(ix + 1, iy + 1, iz) * tx;
    const c = value(ix, iy, iz + 1) * (1 - tx) + value(ix + 1, iy, iz + 1) * tx;
    const d = value(ix, iy + 1, iz + 1) * (1 - tx) + value(ix + 1, iy + 1, iz + 1) * tx;
    return (a * (1 - ty) + b * ty) * (1 - tz) + (c * (1 - ty) + d * ty) * tz;
  };
}

function fade(t: number): number {
  return t * t * (3 - 2 * t);
}
