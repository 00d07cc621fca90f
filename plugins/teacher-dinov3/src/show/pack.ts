import { principalComponents, project } from './components.js';

/** Tokens as bytes, for the page. */
export interface PackedTokens {
  /** `[n, c]`; a value is its byte times the scale of its token. */
  readonly bytes: Int8Array;
  /** `[n]`. */
  readonly scales: Float32Array;
  readonly channels: number;
  /** Share of the squared lengths of the tokens that is left; 1 where no channel was left out. */
  readonly kept: number;
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
  if (wanted >= channels) return { ...quantised(tokens, channels), kept: 1 };
  const components = principalComponents(tokens, channels, wanted, { taken: null, centred: false, rounds: ROUNDS });
  const kept = components.shares.reduce((sum, share) => sum + share, 0);
  return { ...quantised(project(tokens, channels, components), components.vectors.length), kept };
}

function quantised(tokens: Float32Array, channels: number): Omit<PackedTokens, 'kept'> {
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
