import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useEngine } from '../../test/engine-harness.js';
import { createContext } from '../lowering/context.js';
import { type Emitted, Emitter } from '../lowering/emitter.js';
import { philox } from '../lowering/random.js';
import { createSession, ort } from '../session/runtime.js';
import { counterRandom, dropout } from './random.js';

interface Vector {
  readonly counter: readonly number[];
  readonly key: readonly number[];
  readonly words: readonly number[];
}

const vectors = JSON.parse(
  readFileSync(new URL('../../test/philox-vectors.json', import.meta.url), 'utf8'),
) as readonly Vector[];

/** The generator once more, in 64-bit integers of JavaScript and written from the paper. */
function reference(counter: readonly number[], key: readonly number[]): number[] {
  const mask = 0xffffffffn;
  let [c0, c1, c2, c3] = counter.map((word) => BigInt(word) & mask) as [bigint, bigint, bigint, bigint];
  let [k0, k1] = key.map((word) => BigInt(word) & mask) as [bigint, bigint];
  for (let round = 0; round < 10; round++) {
    const a = 0xd2511f53n * c0;
    const b = 0xcd9e8d57n * c2;
    [c0, c1, c2, c3] = [(b >> 32n) ^ c1 ^ k0, b & mask, (a >> 32n) ^ c3 ^ k1, a & mask];
    k0 = (k0 + 0x9e3779b9n) & mask;
    k1 = (k1 + 0xbb67ae85n) & mask;
  }
  return [c0, c1, c2, c3].map(Number);
}

function referenceUniform(size: number, key: readonly number[]): Float32Array {
  return Float32Array.from({ length: size }, (_, index) => {
    const block = reference([Math.floor(index / 4), 0, key[2] ?? 0, key[3] ?? 0], key.slice(0, 2));
    return (block[index % 4]! >>> 8) * 2 ** -24;
  });
}

function runPhilox({ counter, key }: Vector): number[] {
  const emitter = new Emitter();
  const ctx = createContext(emitter, { provider: 'cpu', block: 0, threads: 1, partBytes: Number.POSITIVE_INFINITY });
  const word = (value: number): Emitted => emitter.constant(BigUint64Array.of(BigInt(value)), [1], 'uint64');
  const [c0, c1, c2, c3] = counter.map(word) as [Emitted, Emitted, Emitted, Emitted];
  const [k0, k1] = key.map(word) as [Emitted, Emitted];
  const names = philox(ctx, [c0, c1, c2, c3], [k0, k1]).map((item, index) => emitter.output(item, `y${index}`));
  const session = createSession(emitter.build(), { intraOpNumThreads: 1 });
  const results = session.run({}, Object.fromEntries(names.map((name) => [name, null])));
  session.dispose();
  return names.map((name) => Number((results[name]!.data as BigUint64Array)[0]));
}

const key = (...words: number[]) => tf.tensor1d(words, 'int32');

beforeAll(async () => {
  await useEngine({ threads: 2 });
  ort();
});

describe('Philox4x32-10', () => {
  it.each(vectors)('agrees with randomgen at counter $counter, key $key', (vector) => {
    expect(runPhilox(vector)).toEqual(vector.words);
    expect(reference(vector.counter, vector.key)).toEqual(vector.words);
  });
});

describe('counterRandom', () => {
  it.each([[[3, 5]], [[3, 5, 11]], [[-1, 5, 11, -13]], [[4095, 0, 17, 4000]]])(
    'is the paper’s stream for key %j',
    (words) => {
      const drawn = counterRandom(key(...words), [3, 5, 7], { distribution: 'uniform' }).dataSync();
      expect(drawn).toEqual(referenceUniform(105, words));
    },
  );

  it('takes a float32 key of whole numbers', () => {
    const drawn = counterRandom(tf.tensor1d([1, 2, 3, 4]), [6], { distribution: 'uniform' }).dataSync();
    expect(drawn).toEqual(referenceUniform(6, [1, 2, 3, 4]));
  });

  it('does not depend on threads, order or what was drawn before', async () => {
    const draw = () => counterRandom(key(8, 9), [2, 4099], { distribution: 'uniform' }).dataSync();
    const first = draw();
    tf.randomUniform([5]).dataSync();
    expect(draw()).toEqual(first);
    await useEngine({ threads: 1, lowering: 'dense' });
    expect(draw()).toEqual(first);
    await useEngine({ threads: 2 });
  });

  it('has the moments of a uniform distribution', () => {
    const drawn = counterRandom(key(21, 22), [200_000], { distribution: 'uniform' });
    const { mean, variance } = tf.moments(drawn);
    // Five standard errors: sqrt(1/12 / n) and sqrt(1/180 / n).
    expect(Math.abs(mean.dataSync()[0]! - 0.5)).toBeLessThan(5 * Math.sqrt(1 / 12 / 200_000));
    expect(Math.abs(variance.dataSync()[0]! - 1 / 12)).toBeLessThan(5 * Math.sqrt(1 / 180 / 200_000));
    const neighbours = tf.mean(tf.mul(tf.slice(drawn, 1), tf.slice(drawn, 0, 199_999))).dataSync()[0]!;
    expect(Math.abs(neighbours - 0.25)).toBeLessThan(5 * Math.sqrt(7 / 144 / 200_000));
  });

  it('follows Box and Muller for normal numbers, with the moments of the distribution', () => {
    const size = 200_000;
    const drawn = counterRandom(key(31, 32), [size], { distribution: 'normal' }).dataSync();
    const words = reference([0, 0, 0, 0], [31, 32]);
    const radius = Math.sqrt(-2 * Math.log(((words[0]! >>> 8) + 1) * 2 ** -24));
    const angle = 2 * Math.PI * (words[1]! >>> 8) * 2 ** -24;
    expect(drawn[0]).toBeCloseTo(radius * Math.cos(angle), 5);
    expect(drawn[1]).toBeCloseTo(radius * Math.sin(angle), 5);
    const moment = (power: number) => Float32Array.from(drawn).reduce((sum, item) => sum + item ** power, 0) / size;
    // Variances of x, x^2, x^3, x^4: 1, 2, 15, 96.
    [0, 1, 0, 3].forEach((expected, index) => {
      const deviation = Math.sqrt([1, 2, 15, 96][index]! / size);
      expect(Math.abs(moment(index + 1) - expected)).toBeLessThan(5 * deviation);
    });
  });

  it('compiles once while the probability changes', async () => {
    const engine = await useEngine();
    const share = (probability: number) =>
      tf.mean(counterRandom(key(41, 42), [100_000], { distribution: 'bernoulli', probability })).dataSync()[0]!;
    for (const probability of [0.1, 0.5, 0.9]) {
      const error = 5 * Math.sqrt((probability * (1 - probability)) / 100_000);
      expect(Math.abs(share(probability) - probability)).toBeLessThan(error);
    }
    expect(engine.cacheStatistics().misses).toBe(1);
  });

  it('refuses a key of another shape', () => {
    expect(() => counterRandom(key(1), [2], { distribution: 'uniform' })).toThrow(/key has shape \[1\]/);
  });
});

describe('dropout', () => {
  const ones = () => tf.ones([2, 3, 4, 5, 16]) as tf.Tensor;

  it('keeps an element where its uniform number is below 1 - rate, and sends the gradient through the same mask', () => {
    const options = { rate: 0.25, granularity: 'element', key: key(1, 2) } as const;
    const expected = referenceUniform(1920, [1, 2]).map((item) => (item < 0.75 ? 1 / 0.75 : 0));
    expect(tf.util.arraysEqual(dropout(ones(), options).dataSync(), expected)).toBe(true);
    const gradient = tf.grad((x) => tf.sum(tf.mul(dropout(x, options), 3)))(ones());
    gradient.dataSync().forEach((item, index) => {
      expect(item).toBeCloseTo(3 * expected[index]!, 5);
    });
  });

  it('drops whole channels of an item', () => {
    const dropped = dropout(ones(), { rate: 0.5, granularity: 'channel', key: key(3, 4) });
    const perChannel = referenceUniform(32, [3, 4]).map((item) => (item < 0.5 ? 2 : 0));
    const first = tf.slice(dropped, [0, 0, 0, 0, 0], [2, 1, 1, 1, 16]).dataSync();
    expect([...first]).toEqual([...perChannel]);
    const spread = tf.sub(tf.max(dropped, [1, 2, 3]), tf.min(dropped, [1, 2, 3])).dataSync();
    expect(Math.max(...spread)).toBe(0);
  });

  it('returns x for rate 0 and refuses a rate of 1', () => {
    const x = ones();
    expect(dropout(x, { rate: 0, granularity: 'element', key: key(1, 2) })).toBe(x);
    expect(() => dropout(x, { rate: 1, granularity: 'element', key: key(1, 2) })).toThrow('dropout: rate 1 is not in');
  });
});
