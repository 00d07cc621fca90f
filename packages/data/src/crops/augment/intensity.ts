import type { Index3 } from '@dinomix/core';

interface Statistics {
  readonly mean: number;
  /** With ddof 0. */
  readonly deviation: number;
  readonly low: number;
  readonly high: number;
}

function statisticsOf(image: Float32Array): Statistics {
  let [sum, low, high] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of image) {
    sum += value;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const mean = sum / image.length;
  let squares = 0;
  for (const value of image) squares += (value - mean) ** 2;
  return { mean, deviation: Math.sqrt(squares / image.length), low, high };
}

/** Multiplies all intensities. */
export function brighten(image: Float32Array, factor: number): void {
  for (let index = 0; index < image.length; index++) image[index] = image[index]! * factor;
}

/** (x - mean) * factor + mean, kept within the range that was there. */
export function contrast(image: Float32Array, factor: number): void {
  const { mean, low, high } = statisticsOf(image);
  for (let index = 0; index < image.length; index++) {
    image[index] = Math.min(Math.max((image[index]! - mean) * factor + mean, low), high);
  }
}

/** ((x - min) / range)^gamma * range + min, then moved to the mean and standard deviation that were there. */
export function gammaCurve(image: Float32Array, gamma: number): void {
  const before = statisticsOf(image);
  const range = before.high - before.low;
  for (let index = 0; index < image.length; index++) {
    image[index] = ((image[index]! - before.low) / (range + 1e-7)) ** gamma * range + before.low;
  }
  const after = statisticsOf(image);
  const scale = before.deviation / (after.deviation + 1e-8);
  for (let index = 0; index < image.length; index++) image[index] = (image[index]! - after.mean) * scale + before.mean;
}

function gaussian(sigma: number): Float64Array {
  const radius = Math.floor(4 * sigma + 0.5);
  const kernel = Float64Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp(-0.5 * ((i - radius) / sigma) ** 2));
  const sum = kernel.reduce((a, b) => a + b, 0);
  return kernel.map((value) => value / sum);
}

/** Index of a voxel beyond the border, mirrored so that the border voxel comes twice. */
function mirrored(index: number, size: number): number {
  const period = 2 * size;
  const inside = ((index % period) + period) % period;
  return inside < size ? inside : period - 1 - inside;
}

function blurAxis(image: Float32Array, size: number, stride: number, kernel: Float64Array): void {
  const radius = (kernel.length - 1) / 2;
  const from = Int32Array.from({ length: size + 2 * radius }, (_, index) => mirrored(index - radius, size) * stride);
  const line = new Float64Array(size + 2 * radius);
  const block = size * stride;
  for (let start = 0; start < image.length; start += block) {
    for (let offset = start; offset < start + stride; offset++) {
      for (let index = 0; index < line.length; index++) line[index] = image[offset + from[index]!]!;
      for (let index = 0; index < size; index++) {
        let sum = 0;
        for (let tap = 0; tap < kernel.length; tap++) sum += kernel[tap]! * line[index + tap]!;
        image[offset + index * stride] = sum;
      }
    }
  }
}

/** Gaussian filter with a standard deviation in voxels, cut at four of it, as `scipy.ndimage.gaussian_filter`. */
export function blur(image: Float32Array, [depth, height, width]: Index3, sigma: number): void {
  const kernel = gaussian(sigma);
  blurAxis(image, depth, height * width, kernel);
  blurAxis(image, height, width, kernel);
  blurAxis(image, width, 1, kernel);
}
