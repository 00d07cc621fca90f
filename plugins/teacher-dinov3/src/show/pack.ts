import { cosines, principalComponents, project } from './components.js';

/** Tokens as bytes, for the page. */
export interface PackedTokens {
  /** `[n, c]`; a value is its byte times the scale of its token. */
  readonly bytes: Int8Array;
  /** `[n]`. */
  readonly scales: Float32Array;
  readonly channels: number;
  /** Share of the squared lengths of the tokens that is left; 1 where no channel was left out. */
  readonly kept: number;
  /** Largest difference of a cosine from the exact one, over the cosines of all tokens with some of them. */
  readonly error: number;
}

/** Rounds of the iteration, which need not settle: any directions with nearly all of the tokens will do. */
const ROUNDS = 12;

/**
 * Brings tokens into at most `largest` bytes: 8 bits a value, and where that is not enough only their parts along the
 * directions that hold the most (principal components about the origin, which leave inner products as they are).
 */
export function packTokens(tokens: Float32Array, channels: number, largest: number): PackedTokens {
  const count = tokens.length / channels;
  const wanted = Math.max(3, Math.floor(largest / count) - Float32Array.BYTES_PER_ELEMENT);
  if (wanted >= channels) return withError({ ...quantised(tokens, channels), kept: 1 }, tokens, channels);
  const components = principalComponents(tokens, channels, wanted, { taken: null, centred: false, rounds: ROUNDS });
  const kept = components.shares.reduce((sum, share) => sum + share, 0);
  return withError(
    { ...quantised(project(tokens, channels, components), components.vectors.length), kept },
    tokens,
    channels,
  );
}

function quantised(tokens: Float32Array, channels: number): Omit<PackedTokens, 'kept' | 'error'> {
  const bytes = new Int8Array(tokens.length);
  const scales = new Float32Array(tokens.length / channels);
  for (let token = 0; token < scales.length; token++) {
    const values = tokens.subarray(token * channels, (token + 1) * channels);
    const scale = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) / 127;
    scales[token] = scale;
    if (scale > 0) for (const [i, value] of values.entries()) bytes[token * channels + i] = Math.round(value / scale);
  }
  return { bytes, scales, channels };
}

/** Tokens, evenly spread, whose cosines with all others are compared. */
const SAMPLES = 8;

function withError(packed: Omit<PackedTokens, 'error'>, tokens: Float32Array, channels: number): PackedTokens {
  const { bytes, scales } = packed;
  const unpacked = Float32Array.from(bytes, (byte, i) => byte * scales[Math.floor(i / packed.channels)]!);
  let error = 0;
  for (let sample = 0; sample < SAMPLES; sample++) {
    const token = Math.floor(((sample + 0.5) * scales.length) / SAMPLES);
    const [exact, found] = [cosines(tokens, channels, token), cosines(unpacked, packed.channels, token)];
    for (const [index, value] of exact.entries()) error = Math.max(error, Math.abs(value - found[index]!));
  }
  return { ...packed, error };
}
