import type { TokenLayout } from './model/inspect.js';

/**
 * Adds the patch tokens of one picture to a layer of the grid.
 * @param answer - tokens `[t, c]`, prefix first and patches row by row, or a map `[c, h, w]`.
 * @param layer - sums `[h, w, c]`.
 * @param factor - weight of this picture.
 */
export function addTokens(
  answer: Float32Array,
  isMap: boolean,
  { rows, columns, prefix, channels }: TokenLayout,
  layer: Float32Array,
  factor: number,
): void {
  const positions = rows * columns;
  if (!isMap) {
    const patches = answer.subarray(prefix * channels);
    for (const [index, value] of patches.entries()) layer[index]! += factor * value;
    return;
  }
  for (let channel = 0; channel < channels; channel++) {
    for (let position = 0; position < positions; position++) {
      layer[position * channels + channel]! += factor * answer[channel * positions + position]!;
    }
  }
}

/** Subtracts a token `[c]` from tokens `[n, c]`, in place. */
export function subtractToken(tokens: Float32Array, token: Float64Array): void {
  for (let index = 0; index < tokens.length; index++) tokens[index]! -= token[index % token.length]!;
}

/**
 * Mean over all tokens seen so far. Subtracting it takes away what all slices of a data set have in common, which
 * otherwise brings every cosine near 1.
 */
export class TokenMean {
  #mean: Float64Array | null = null;
  #count = 0;

  /** Takes tokens `[n, c]` into the mean. */
  observe(tokens: Float32Array, channels: number): void {
    const mean = this.#mean ?? new Float64Array(channels);
    const added = tokens.length / channels;
    const sums = new Float64Array(channels);
    for (const [index, value] of tokens.entries()) sums[index % channels]! += value;
    const total = this.#count + added;
    for (const [channel, sum] of sums.entries()) mean[channel]! += (sum - added * mean[channel]!) / total;
    this.#mean = mean;
    this.#count = total;
  }

  /** Subtracts the mean from tokens `[n, c]`, in place. */
  subtract(tokens: Float32Array): void {
    if (this.#mean !== null) subtractToken(tokens, this.#mean);
  }

  /** Mean `[c]` and number of tokens; null before the first. */
  state(): { readonly mean: Float64Array; readonly count: number } | null {
    return this.#mean === null ? null : { mean: this.#mean.slice(), count: this.#count };
  }

  restore(mean: Float64Array, count: number): void {
    this.#mean = mean.slice();
    this.#count = count;
  }
}
