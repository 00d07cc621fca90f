import type { Index3, PreparedVolume } from '@dinomix/core';

/** Voxels of {@link volumeOf}. */
export const SHAPE: Index3 = [24, 48, 64];

/** A volume whose structures are larger than a patch. */
export function volumeOf(phase: number, shape = SHAPE): PreparedVolume {
  const image = Float32Array.from({ length: shape[0] * shape[1] * shape[2] }, (_, index) => {
    const [x, row] = [index % shape[2], Math.floor(index / shape[2])];
    const [y, z] = [row % shape[1], Math.floor(row / shape[1])];
    return 0.5 + 0.2 * Math.sin(0.13 * x + phase) + 0.15 * Math.cos(0.21 * y) + 0.1 * Math.sin(0.3 * z + phase);
  });
  return { shape, image };
}
