import { createRng, type Triple } from '@dinomix/volume';

// Standard deviation of the sum of four uniform bytes, sqrt(4 * (256^2 - 1) / 12), and its mean.
const SUM_DEVIATION = Math.sqrt((256 * 256 - 1) / 3);
const SUM_MEAN = 510;
// The kernel [1 2 1] / 4 leaves sqrt(6) / 4 of the deviation of white noise along each axis.
const KERNEL_DEVIATION = 6 / 16;

/**
 * Adds CT noise to a volume [d, h, w] in place: normal, neighbouring pixels of a slice correlated, slices independent.
 *
 * @param deviation - standard deviation of the result in HU
 * @remarks Each slice has its own stream, keyed by case and slice. A draw is a sum of four uniform bytes, smoothed by
 * integer weights: nearly normal, and the same on every machine.
 */
export function addNoise(data: Float32Array, shape: Triple, deviation: number, seed: number, item: number): void {
  const [depth, height, width] = shape;
  const paddedWidth = width + 2;
  const white = new Float64Array((height + 2) * paddedWidth);
  const rows = new Float64Array((height + 2) * width);
  const scale = deviation / (SUM_DEVIATION * KERNEL_DEVIATION * 16);
  for (let z = 0; z < depth; z++) {
    const rng = createRng({ seed, stream: 'dataset-phantom/noise', item, step: z });
    for (let index = 0; index < white.length; index++) {
      const word = rng.uint32();
      white[index] = (word >>> 24) + ((word >>> 16) & 255) + ((word >>> 8) & 255) + (word & 255) - SUM_MEAN;
    }
    for (let y = 0; y < height + 2; y++) {
      for (let x = 0; x < width; x++) {
        const at = y * paddedWidth + x;
        rows[y * width + x] = white[at]! + 2 * white[at + 1]! + white[at + 2]!;
      }
    }
    const area = height * width;
    for (let index = 0; index < area; index++) {
      const smooth = rows[index]! + 2 * rows[index + width]! + rows[index + 2 * width]!;
      data[z * area + index] = data[z * area + index]! + scale * smooth;
    }
  }
}
