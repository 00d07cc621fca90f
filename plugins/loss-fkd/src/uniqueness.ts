import { div, matMul, maximum, mean, pow, reshape, sub, type Tensor } from '@tensorflow/tfjs-core';
import { normalise } from './distance.js';

/** Keeps the weights finite where all tokens of a batch are the same. */
const TINY = 1e-6;

/**
 * Weights of tokens `[b, d, h, w, c]` by how unlike the other tokens of their crop they are, `[b, d, h, w]`, mean 1 over
 * the batch: w_i = u_i^γ / mean(u^γ) with u_i = 1 - mean_j cos(t_i, t_j), j over all P positions of the crop. This is this
 * project's reading of the "high semantic uniqueness" that DINO-Mix (arXiv 2602.07819) wants to distil. The mean of the
 * cosines is that of the unit tokens, t̂_i · mean_j t̂_j, so that no P x P matrix is made.
 * @param exponent - γ, above 0.
 */
export function uniquenessWeights(tokens: Tensor, exponent: number): Tensor {
  const [batch, depth, height, width, channels] = tokens.shape as [number, number, number, number, number];
  const unit = reshape(normalise(tokens), [batch, depth * height * width, channels]);
  const alike = matMul(unit, mean(unit, 1, true), false, true);
  const unlike = pow(maximum(sub(1, alike), TINY), exponent);
  return reshape(div(unlike, mean(unlike)), [batch, depth, height, width]);
}
