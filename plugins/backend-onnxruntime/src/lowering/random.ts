/**
 * Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011): four 32-bit
 * words from a key of two words and a counter of four, with integer operations alone. Words are held in 64-bit tensors:
 * ONNX multiplies no 32-bit unsigned numbers, and the product of two words needs 64 bits anyway.
 */
import type { Node } from '../graph/ir.js';
import { type LoweringContext, type LoweringTable, stringAttribute } from './context.js';
import { product } from './conv-geometry.js';
import type { Emitted } from './emitter.js';
import type { Lowered } from './lowered.js';
import { binary, compare, unary } from './primitives.js';
import { emitSlice } from './shape.js';

const ROUNDS = 10;
const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57] as const;
/** Added to the key after every round: the golden ratio and the square root of 3, less one. */
const WEYL = [0x9e3779b9, 0xbb67ae85] as const;
const WORD = 0xffffffff;

type Words = readonly [Emitted, Emitted, Emitted, Emitted];

function word(ctx: LoweringContext, value: number): Emitted {
  return ctx.emitter.scalar(value, 'uint64');
}

function shiftRight(ctx: LoweringContext, x: Emitted, bits: number): Emitted {
  return binary(ctx, 'BitShift', x, word(ctx, bits), { direction: 'RIGHT' });
}

function lowWord(ctx: LoweringContext, x: Emitted): Emitted {
  return binary(ctx, 'BitwiseAnd', x, word(ctx, WORD));
}

/** Both words of x times a constant. Signed and unsigned 64-bit products have the same bits. */
function multiplied(ctx: LoweringContext, x: Emitted, factor: number): { high: Emitted; low: Emitted } {
  const { emitter } = ctx;
  const signed = binary(ctx, 'Mul', emitter.cast(x, 'int64'), emitter.scalar(factor, 'int64'));
  const all = emitter.cast(signed, 'uint64');
  return { high: shiftRight(ctx, all, 32), low: lowWord(ctx, all) };
}

function bumped(ctx: LoweringContext, key: Emitted, step: number): Emitted {
  const { emitter } = ctx;
  const sum = binary(ctx, 'Add', emitter.cast(key, 'int64'), emitter.scalar(step, 'int64'));
  return lowWord(ctx, emitter.cast(sum, 'uint64'));
}

export function philox(ctx: LoweringContext, counter: Words, key: readonly [Emitted, Emitted]): Words {
  const xor = (a: Emitted, b: Emitted) => binary(ctx, 'BitwiseXor', a, b);
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const first = multiplied(ctx, c0, MULTIPLIERS[0]);
    const second = multiplied(ctx, c2, MULTIPLIERS[1]);
    [c0, c1, c2, c3] = [xor(second.high, xor(c1, k0)), second.low, xor(first.high, xor(c3, k1)), first.low];
    [k0, k1] = [bumped(ctx, k0, WEYL[0]), bumped(ctx, k1, WEYL[1])];
  }
  return [c0, c1, c2, c3];
}

/** Element i of the key as a word; absent ones are 0. */
function keyWord(ctx: LoweringContext, key: Emitted, index: number): Emitted {
  const { emitter } = ctx;
  if (index >= key.shape[0]!) return emitter.constant(BigUint64Array.of(0n), [1], 'uint64');
  return emitter.cast(emitter.cast(emitSlice(ctx, key, [index], [index + 1], [0]), 'uint32'), 'uint64');
}

/** Multiples of 2^-24 in [0, 1): all that float32 holds evenly spaced. */
function uniform(ctx: LoweringContext, x: Emitted, offset = 0): Emitted {
  const { emitter } = ctx;
  const top = emitter.cast(shiftRight(ctx, x, 8), 'float32');
  const shifted = offset === 0 ? top : binary(ctx, 'Add', top, emitter.float(offset));
  return binary(ctx, 'Mul', shifted, emitter.float(2 ** -24));
}

/** Two normal numbers from two words (Box and Muller, 1958); the logarithm's argument is in (0, 1]. */
function normalPair(ctx: LoweringContext, a: Emitted, b: Emitted): [Emitted, Emitted] {
  const { emitter } = ctx;
  const logarithm = unary(ctx, 'Log', uniform(ctx, a, 1));
  const radius = unary(ctx, 'Sqrt', binary(ctx, 'Mul', logarithm, emitter.float(-2)));
  const angle = binary(ctx, 'Mul', uniform(ctx, b), emitter.float(2 * Math.PI));
  return [binary(ctx, 'Mul', radius, unary(ctx, 'Cos', angle)), binary(ctx, 'Mul', radius, unary(ctx, 'Sin', angle))];
}

function counterRandom(ctx: LoweringContext, node: Node, [key, probability]: readonly Lowered[]): readonly Lowered[] {
  const { emitter } = ctx;
  const { shape } = node.outputs[0]!;
  const size = product(shape);
  const blocks = Math.ceil(size / 4);
  const words = emitter.cast(key!.dense(), 'int32');
  const bounds = [0, blocks, 1].map((bound) => emitter.scalar(bound, 'int64'));
  const index = emitter.cast(emitter.node('Range', bounds, {}, [blocks], 'int64'), 'uint64');
  const none = keyWord(ctx, words, words.shape[0]!);
  const counter: Words = [index, none, keyWord(ctx, words, 2), keyWord(ctx, words, 3)];
  const drawn = philox(ctx, counter, [keyWord(ctx, words, 0), keyWord(ctx, words, 1)]);
  const kind = stringAttribute(node, 'distribution');
  const numbers =
    kind === 'normal'
      ? [...normalPair(ctx, drawn[0], drawn[1]), ...normalPair(ctx, drawn[2], drawn[3])]
      : drawn.map((item) => uniform(ctx, item));
  const columns = numbers.map((item) => emitter.reshape(item, [blocks, 1]));
  const joined = emitter.reshape(emitter.node('Concat', columns, { axis: 1 }, [blocks, 4]), [4 * blocks]);
  const flat = size === 4 * blocks ? joined : emitSlice(ctx, joined, [0], [size], [0]);
  const value = kind === 'bernoulli' ? emitter.cast(compare(ctx, 'Less', flat, probability!.dense()), 'float32') : flat;
  return [ctx.result(node, 0, emitter.reshape(value, shape))];
}

export const randomLowerings: LoweringTable = { CounterRandom: counterRandom };
