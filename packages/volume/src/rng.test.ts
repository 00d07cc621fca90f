import { describe, expect, it } from 'vitest';
import { expectFailure, readFixture } from '../test/fixtures.js';
import { philox4x32 } from './philox.js';
import { createRng, type RngKey, subStream } from './rng.js';

describe('philox4x32', () => {
  // Random123, tests/kat_vectors, the lines "philox4x32 10".
  it.each([
    ['00000000 00000000 00000000 00000000', '00000000 00000000', '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
    ['ffffffff ffffffff ffffffff ffffffff', 'ffffffff ffffffff', '408f276d 41c83b0e a20bc7c6 6d5451fd'],
    ['243f6a88 85a308d3 13198a2e 03707344', 'a4093822 299f31d0', 'd16cfe09 94fdcceb 5001e420 24126ea1'],
  ])('of %s with key %s', (counter, key, expected) => {
    const words = (text: string) => Uint32Array.from(text.split(' '), (word) => Number.parseInt(word, 16));
    const out = words(counter);
    philox4x32(out, words(key), out);
    expect(out).toEqual(words(expected));
  });
});

const derived = await readFixture<{ key: RngKey; words: number[] }[]>('rng.json');
const key: RngKey = { seed: 0, stream: 'mixer-pic/box', epoch: 3, step: 5, item: 7 };
const first = (other: Partial<RngKey>) => {
  const rng = createRng({ ...key, ...other });
  return Array.from({ length: 6 }, () => rng.uint32());
};

describe('streams', () => {
  it('depend on every part of the key, and on nothing else', () => {
    createRng({ ...key, stream: 'sampler' }).uint32();
    const changes: Partial<RngKey>[] = [
      {},
      { seed: 1 },
      { seed: 2 ** 32 },
      { seed: 2 ** 53 - 1 },
      { stream: 'mixer-pic/bo' },
      { stream: 'mixer-pic/box\0' },
      { stream: '' },
      { stream: 'mixer-pic/box: more than sixteen bytes' },
      { epoch: 5, step: 3 },
      { step: 7, item: 5 },
      { epoch: 2 ** 32 - 1 },
    ];
    const draws = changes.map(first);
    expect(new Set(draws.map(String)).size).toBe(changes.length);
    expect(first({})).toEqual(draws[0]);
  });

  it('are not one stream read from different places', () => {
    const longer = createRng(key);
    const words = new Set(Array.from({ length: 4000 }, () => longer.uint32()));
    const others = [{ item: 8 }, { step: 6 }, { epoch: 4 }].flatMap(first);
    expect(others.filter((word) => words.has(word))).toEqual([]);
  });

  it.each(derived)('of $key are the words of an independent derivation', ({ key: other, words }) => {
    const rng = createRng(other);
    expect(words.map(() => rng.uint32())).toEqual(words);
  });

  it('have parts of their own', () => {
    expect(subStream(key, 'x')).toEqual({ ...key, stream: 'mixer-pic/box/x' });
  });

  it('refuse keys out of range', async () => {
    await expectFailure(() => createRng({ ...key, seed: -1 }), 'DMX_VOLUME_ARGUMENT', 'seed is -1');
    await expectFailure(() => createRng({ ...key, seed: 2 ** 53 }), 'DMX_VOLUME_ARGUMENT', 'seed');
    await expectFailure(() => createRng({ ...key, item: 0.5 }), 'DMX_VOLUME_ARGUMENT', 'item is 0.5');
    await expectFailure(() => createRng({ ...key, step: 2 ** 32 }), 'DMX_VOLUME_ARGUMENT', 'step');
  });
});

describe('draws', () => {
  const count = 40_000;

  it('uniform: mean 1/2, variance 1/12, correlation of neighbours 0', () => {
    const values = new Float64Array(count);
    createRng(key).fillUniform(values);
    const moment = (value: (index: number) => number) =>
      values.reduce((sum, _, index) => sum + value(index), 0) / count;
    // Four standard errors: sd / sqrt(count) with sd = 0.289, 0.0745 and 1/12.
    expect(Math.abs(moment((i) => values[i]!) - 0.5)).toBeLessThan((4 * 0.2887) / Math.sqrt(count));
    expect(Math.abs(moment((i) => (values[i]! - 0.5) ** 2) - 1 / 12)).toBeLessThan((4 * 0.0745) / Math.sqrt(count));
    const lagged = moment((i) => (values[i]! - 0.5) * (values[(i + 1) % count]! - 0.5));
    expect(Math.abs(lagged)).toBeLessThan(4 / 12 / Math.sqrt(count));
    expect(createRng(key).uniform(5, 5)).toBe(5);
  });

  it('uniform takes the 53 high bits of two words', () => {
    const [high, low] = [createRng(key), createRng(key)].map((rng, skip) => {
      if (skip === 1) rng.uint32();
      return rng.uint32();
    }) as [number, number];
    expect(createRng(key).uniform()).toBe(((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53);
  });

  it('integer: chi-square over 7 values, and no bias towards the low ones of a large range', () => {
    const rng = createRng({ ...key, stream: 'integer' });
    const counts = new Float64Array(7);
    for (let draw = 0; draw < count; draw++) counts[rng.integer(-3, 4) + 3]! += 1;
    const chiSquare = counts.reduce((sum, n) => sum + (n - count / 7) ** 2 / (count / 7), 0);
    // The 99.9 % point of chi-square with 6 degrees of freedom.
    expect(chiSquare).toBeLessThan(22.46);
    // For 3 * 2^30 values a plain remainder would give the lowest third twice the share of each other third.
    let low = 0;
    for (let draw = 0; draw < count; draw++) if (rng.integer(0, 3 * 2 ** 30) < 2 ** 30) low++;
    expect(Math.abs(low / count - 1 / 3)).toBeLessThan((4 * Math.sqrt(2 / 9)) / Math.sqrt(count));
    expect(rng.integer(9, 10)).toBe(9);
  });

  it('integer refuses empty ranges and fractions', async () => {
    const rng = createRng(key);
    for (const [low, high] of [
      [3, 3],
      [4, 3],
      [0, 0.5],
      [0, 2 ** 33],
    ] as const) {
      await expectFailure(() => rng.integer(low, high), 'DMX_VOLUME_ARGUMENT', `[${low}, ${high})`);
    }
  });

  it('normal: the first four moments', () => {
    const values = new Float64Array(count);
    createRng({ ...key, stream: 'normal' }).fillNormal(values, 10, 2);
    const moment = (power: number) => values.reduce((sum, value) => sum + ((value - 10) / 2) ** power, 0) / count;
    // Moments 0, 1, 0, 3; four standard errors with variances 1, 2, 15 and 96.
    for (const [power, truth, variance] of [
      [1, 0, 1],
      [2, 1, 2],
      [3, 0, 15],
      [4, 3, 96],
    ] as const) {
      expect(Math.abs(moment(power) - truth)).toBeLessThan(4 * Math.sqrt(variance / count));
    }
  });

  it('shuffle: each of the 24 orders of 4 items equally often', () => {
    const rng = createRng({ ...key, stream: 'shuffle' });
    const orders = new Map<string, number>();
    for (let draw = 0; draw < 24_000; draw++) {
      const order = String(rng.permutation(4));
      orders.set(order, (orders.get(order) ?? 0) + 1);
    }
    expect(orders.size).toBe(24);
    const chiSquare = [...orders.values()].reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0);
    // The 99.9 % point with 23 degrees of freedom.
    expect(chiSquare).toBeLessThan(49.73);
    const items = ['a', 'b', 'c'];
    expect(rng.shuffle(items)).toBe(items);
    expect([...items].sort()).toEqual(['a', 'b', 'c']);
  });

  it('choice: in proportion to the weights, never a weight of 0', () => {
    const rng = createRng({ ...key, stream: 'choice' });
    const counts = { none: 0, one: 0, three: 0, last: 0 };
    for (let draw = 0; draw < count; draw++) {
      counts[rng.choice(['none', 'one', 'three', 'last'] as const, [0, 1, 3, 0])]++;
    }
    expect(counts.none + counts.last).toBe(0);
    expect(Math.abs(counts.one / count - 0.25)).toBeLessThan((4 * Math.sqrt(3 / 16)) / Math.sqrt(count));
    expect(['x', 'y']).toContain(rng.choice(['x', 'y']));
  });

  it('choice refuses weights that are none', async () => {
    const rng = createRng(key);
    const code = 'DMX_VOLUME_ARGUMENT';
    await expectFailure(() => rng.choice([]), code, 'no items');
    await expectFailure(() => rng.choice([1, 2], [0, 0]), code, 'sum 0');
    await expectFailure(() => rng.choice([1, 2], [1, -1]), code, 'weight 1 is -1');
    await expectFailure(() => rng.choice([1, 2], [1, Number.NaN]), code, 'weight 1 is NaN');
    await expectFailure(() => rng.choice([1, 2], [1]), code, '1 weights');
  });
});
