import { add, matMul, mean, mul, reshape, rsqrt, square, sub, sum, type Tensor } from '@tensorflow/tfjs-core';
import type { FkdOptions } from './options.js';

/** Added under roots, so that a zero vector has a finite gradient. */
const TINY = 1e-12;

/** x / ‖x‖ along the channels. */
export function normalise(x: Tensor): Tensor {
  return mul(x, rsqrt(add(sum(square(x), -1, true), TINY)));
}

/** (x - mean) / standard deviation along the channels: layer normalisation without scale and offset. */
function standardise(x: Tensor): Tensor {
  const centred = sub(x, mean(x, -1, true));
  return mul(centred, rsqrt(add(mean(square(centred), -1, true), TINY)));
}

/** ‖s/‖s‖ - t/‖t‖‖², summed over channels: in [0, 4] whatever their number. `[b, d, h, w]`. */
function squaredDistance(s: Tensor, t: Tensor): Tensor {
  return sum(square(sub(normalise(s), normalise(t))), -1);
}

/** Cosines between all positions of one slice: `[b, d, h, w, c]` → `[b d, h w, h w]`. */
function similarity(x: Tensor): Tensor {
  const [batch, depth, height, width, channels] = x.shape as [number, number, number, number, number];
  const rows = reshape(normalise(x), [batch * depth, height * width, channels]);
  return matMul(rows, rows, false, true);
}

/** The distance at each position, `[b, d, h, w]`. */
function positionDistance(s: Tensor, t: Tensor, distance: FkdOptions['distance']): Tensor {
  switch (distance) {
    case 'normalised-mse':
      return squaredDistance(s, t);
    case 'cosine':
      return mul(squaredDistance(s, t), 0.5);
    case 'layernorm-mse':
      return mean(square(sub(standardise(s), standardise(t))), -1);
    case 'relation':
      return reshape(mean(square(sub(similarity(s), similarity(t))), -1), s.shape.slice(0, 4));
  }
}

/**
 * How far the student's feature s is from the teacher's token t, both `[b, d, h, w, c]` on one grid (with `relation` the
 * channels may differ), as a scalar. Method.md §1.4.4, N positions:
 * - `normalised-mse`: 1/N Σ_i ‖s_i/‖s_i‖ - t_i/‖t_i‖‖² = 1/N Σ_i (2 - 2 cos(s_i, t_i)), in [0, 4];
 * - `cosine`: half of it;
 * - `layernorm-mse`: 1/(N c) Σ_i ‖LN(s_i) - LN(t_i)‖², in [0, 4];
 * - `relation`: mean squared difference of the cosines between all positions of a slice.
 * @param weights - `[b, d, h, w]`, mean 1: the summand of position i times w_i (with `relation`, the row of position i).
 */
export function featureDistance(
  s: Tensor,
  t: Tensor,
  distance: FkdOptions['distance'],
  weights: Tensor | null = null,
): Tensor {
  const each = positionDistance(s, t, distance);
  return mean(weights === null ? each : mul(each, weights));
}
