import { largestEigenpairs } from './eigen.js';

/** Principal components of tokens. */
export interface Components {
  /** Mean `[c]` of the tokens that were taken; zero where they were not centred. */
  readonly mean: Float64Array;
  /** Unit vectors `[c]`, the one with the largest variance first. */
  readonly vectors: readonly Float64Array[];
  /** Share of the whole variance along each vector. */
  readonly shares: readonly number[];
}

/** Which tokens, and how. */
export interface ComponentOptions {
  /** 0 for tokens that are left out; null takes all. */
  readonly taken: Uint8Array | null;
  /** Whether the mean is subtracted first. */
  readonly centred: boolean;
  readonly rounds?: number;
}

function meanOf(
  tokens: Float32Array,
  channels: number,
  taken: Uint8Array | null,
): { mean: Float64Array; count: number } {
  const mean = new Float64Array(channels);
  let count = 0;
  for (let token = 0; token * channels < tokens.length; token++) {
    if (taken?.[token] === 0) continue;
    count++;
    for (let channel = 0; channel < channels; channel++) mean[channel]! += tokens[token * channels + channel]!;
  }
  for (let channel = 0; channel < channels; channel++) mean[channel]! /= Math.max(1, count);
  return { mean, count };
}

/** Second moments about a point, `[c, c]`. */
function moments(tokens: Float32Array, mean: Float64Array, taken: Uint8Array | null): Float64Array {
  const channels = mean.length;
  const sums = new Float64Array(channels * channels);
  const difference = new Float64Array(channels);
  for (let token = 0; token * channels < tokens.length; token++) {
    if (taken?.[token] === 0) continue;
    for (let i = 0; i < channels; i++) difference[i] = tokens[token * channels + i]! - mean[i]!;
    for (let i = 0; i < channels; i++) {
      const value = difference[i]!;
      const row = i * channels;
      for (let j = i; j < channels; j++) sums[row + j]! += value * difference[j]!;
    }
  }
  for (let i = 0; i < channels; i++) for (let j = 0; j < i; j++) sums[i * channels + j] = sums[j * channels + i]!;
  return sums;
}

/**
 * Principal components: eigenvectors of the covariance of tokens.
 * @param tokens - `[n, c]`.
 */
export function principalComponents(
  tokens: Float32Array,
  channels: number,
  count: number,
  { taken, centred, rounds }: ComponentOptions,
): Components {
  const mean = centred ? meanOf(tokens, channels, taken).mean : new Float64Array(channels);
  const matrix = moments(tokens, mean, taken);
  let total = 0;
  for (let channel = 0; channel < channels; channel++) total += matrix[channel * channels + channel]!;
  const { values, vectors } = largestEigenpairs(matrix, channels, Math.min(count, channels), rounds);
  return { mean, vectors, shares: values.map((value) => (total > 0 ? value / total : 0)) };
}

/** Tokens along components: `[n, components]`. */
export function project(tokens: Float32Array, channels: number, { mean, vectors }: Components): Float32Array {
  const count = tokens.length / channels;
  const result = new Float32Array(count * vectors.length);
  for (let token = 0; token < count; token++) {
    for (const [index, vector] of vectors.entries()) {
      let sum = 0;
      for (let channel = 0; channel < channels; channel++) {
        sum += (tokens[token * channels + channel]! - mean[channel]!) * vector[channel]!;
      }
      result[token * vectors.length + index] = sum;
    }
  }
  return result;
}

/** Mean token `[c]`. */
export function meanToken(tokens: Float32Array, channels: number): Float64Array {
  return meanOf(tokens, channels, null).mean;
}

/**
 * Cosine of every token with one of them: (a - m)·(b - m) / (|a - m| |b - m|); 0 where one of them is the point m.
 * @param tokens - `[n, c]`.
 * @param mean - m `[c]`; null is the origin.
 */
export function cosines(
  tokens: Float32Array,
  channels: number,
  reference: number,
  mean: Float64Array | null = null,
): Float32Array {
  const at = (token: number, channel: number): number => tokens[token * channels + channel]! - (mean?.[channel] ?? 0);
  const chosen = Float64Array.from({ length: channels }, (_, channel) => at(reference, channel));
  const length = Math.sqrt(chosen.reduce((sum, value) => sum + value * value, 0));
  return Float32Array.from({ length: tokens.length / channels }, (_, token) => {
    let [sum, squares] = [0, 0];
    for (let channel = 0; channel < channels; channel++) {
      const value = at(token, channel);
      sum += value * chosen[channel]!;
      squares += value * value;
    }
    return squares === 0 || length === 0 ? 0 : sum / (Math.sqrt(squares) * length);
  });
}
