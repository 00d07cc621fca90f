import { add, floor, mul, reshape, slice, sub, type Tensor, tensor } from '@tensorflow/tfjs-core';

/** Values of one word: 12 bits, so that the product of two words is exact in float32. */
const WORD = 4096;
/** 4096 divided by the golden ratio: makes the keys of the rounds differ. */
const WEYL = 2531;
const ROUNDS = 8;

/** Number of words in a key. */
export const KEY_WORDS = 4;

type Pair = readonly [left: Tensor, right: Tensor];
type Keys = readonly [Tensor, Tensor, Tensor, Tensor];

function modulo(x: Tensor): Tensor {
  return sub(x, mul(floor(mul(x, 1 / WORD)), WORD));
}

/** Indices along one axis of a rank-4 shape, of shape 1 elsewhere. */
function coordinates(length: number, axis: number): Tensor {
  const shape: [number, number, number, number] = [1, 1, 1, 1];
  shape[axis] = length;
  return tensor(
    Float32Array.from({ length }, (_, index) => index),
    shape,
  );
}

/**
 * A Feistel network on two words. With y = right + key, the round function y (y + 1) / 32 is quadratic: it spreads a
 * changed bit both ways, and it and everything else is exact in float32.
 */
function scramble(keys: Keys, [left, right]: Pair): Pair {
  let pair: Pair = [left, right];
  for (let round = 0; round < ROUNDS; round++) {
    const key = add(keys[round % KEY_WORDS]!, (round * WEYL) % WORD);
    const y = modulo(add(pair[1], key));
    const mixed = floor(mul(mul(y, add(y, 1)), 1 / 32));
    pair = [pair[1], modulo(add(pair[0], mixed))];
  }
  return pair;
}

/**
 * Uniform numbers in [0, 1), 24 bits fine, of shape `[n0, n1, n2, n3]`. They depend on key and coordinates alone and are
 * the same on every backend. The first two coordinates are scrambled into a key of their own for the last two.
 * @param key - float32 `[4]`, whole numbers in [0, 4096).
 * @throws Error when a side is above 4096.
 */
export function uniform(shape: readonly [number, number, number, number], key: Tensor): Tensor {
  if (shape.some((side) => side > WORD)) throw new Error(`random numbers: a side of [${shape}] is above ${WORD}`);
  const [k0, k1, k2, k3] = [0, 1, 2, 3].map((index) =>
    reshape(slice(key, [index], [1]), [1, 1, 1, 1]),
  ) as unknown as Keys;
  const outer: Pair = [coordinates(shape[0], 0), coordinates(shape[1], 1)];
  const keys: Keys = [...scramble([k0, k1, k2, k3], outer), ...scramble([k2, k3, k0, k1], outer)];
  const [high, low] = scramble(keys, [coordinates(shape[2], 2), coordinates(shape[3], 3)]);
  return mul(add(high, mul(low, 1 / WORD)), 1 / WORD);
}

/** A key for one place: `key` moved by constant words. Both `[4]`. */
export function moveKey(key: Tensor, words: readonly [number, number, number, number]): Tensor {
  return modulo(add(key, tensor([...words], [KEY_WORDS])));
}
