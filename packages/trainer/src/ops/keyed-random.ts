import type { RandomOptions } from '@dinomix/core';
import { cos, log, mul, neg, reshape, slice, sqrt, sub, type Tensor } from '@tensorflow/tfjs-core';
import { uniform } from './random.js';

/** Largest side that the generator counts along. */
const SIDE = 4096;

/** Four sides, each at most {@link SIDE}, whose product is at least `size`. */
function sidesFor(size: number): readonly [number, number, number, number] {
  const inner = Math.min(size, SIDE);
  const rows = Math.ceil(size / inner);
  const outer = Math.min(rows, SIDE);
  return [1, Math.ceil(rows / outer), outer, inner];
}

function uniformOf(size: number, key: Tensor): Tensor {
  const draws = reshape(uniform(sidesFor(size), key), [-1]);
  return draws.size === size ? draws : slice(draws, [0], [size]);
}

/**
 * Random numbers of any shape by key and shape alone. Normal ones by Box and Muller 1958: √(-2 ln u) cos(2π v) with u in (0, 1].
 * @throws Error when there are more than 2^36 of them.
 */
export function random(shape: readonly number[], { distribution, key }: RandomOptions<Tensor>): Tensor {
  const size = shape.reduce((product, side) => product * side, 1);
  if (distribution === 'uniform') return reshape(uniformOf(size, key), [...shape]);
  const draws = uniformOf(2 * size, key);
  const u = sub(1, slice(draws, [0], [size]));
  const v = slice(draws, [size], [size]);
  return reshape(mul(sqrt(mul(neg(log(u)), 2)), cos(mul(v, 2 * Math.PI))), [...shape]);
}
