import '../../test/backend.js';
import { ones, tensor, tidy } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { dropout } from './dropout.js';
import { moveKey, uniform } from './random.js';

const KEY = [17, 4095, 0, 2048] as const;
const key = tensor([...KEY]);

/** The Feistel network in integers. */
function scramble(keys: readonly number[], left: number, right: number): [number, number] {
  let pair: [number, number] = [left, right];
  for (let round = 0; round < 8; round++) {
    const y = (pair[1] + keys[round % 4]! + round * 2531) & 4095;
    pair = [pair[1], (pair[0] + ((y * (y + 1)) >> 5)) & 4095];
  }
  return pair;
}

function reference(n0: number, n1: number, n2: number, n3: number): number {
  const [k0, k1, k2, k3] = KEY;
  const keys = [...scramble([k0, k1, k2, k3], n0, n1), ...scramble([k2, k3, k0, k1], n0, n1)];
  const [high, low] = scramble(keys, n2, n3);
  return (high * 4096 + low) / 2 ** 24;
}

function correlation(a: ArrayLike<number>, b: ArrayLike<number>, count: number): number {
  let sum = 0;
  for (let index = 0; index < count; index++) sum += (a[index]! - 0.5) * (b[index]! - 0.5);
  return sum / count / (1 / 12);
}

describe('uniform', () => {
  it('equals the generator in integers, bit for bit', () => {
    const shape = [3, 2, 5, 7] as const;
    const data = uniform(shape, key).dataSync();
    const expected: number[] = [];
    for (let a = 0; a < 3; a++)
      for (let b = 0; b < 2; b++)
        for (let c = 0; c < 5; c++) for (let d = 0; d < 7; d++) expected.push(reference(a, b, c, d));
    expect([...data]).toEqual(expected);
  });

  it('fills [0, 1) evenly, without correlation of neighbours, of coordinates or of keys', () => {
    const side = 10;
    const count = side ** 4;
    const shape = [side, side, side, side] as const;
    const data = tidy(() => uniform(shape, key).dataSync());
    const bins = new Array<number>(64).fill(0);
    for (const value of data) bins[Math.floor(value * 64)]!++;
    const chi = bins.reduce((total, found) => total + (found - count / 64) ** 2 / (count / 64), 0);
    // 63 degrees of freedom: mean 63, standard deviation 11.2; five of them.
    expect(chi).toBeLessThan(119);
    const limit = 5 / Math.sqrt(count);
    for (const shift of [1, side, side ** 2, side ** 3, side + 1]) {
      expect(Math.abs(correlation(data, data.subarray(shift), count - shift)), `lag ${shift}`).toBeLessThan(limit);
    }
    for (const word of [0, 1, 2, 3]) {
      const words: [number, number, number, number] = [0, 0, 0, 0];
      words[word] = 1;
      const other = tidy(() => uniform(shape, moveKey(key, words)).dataSync());
      expect(Math.abs(correlation(data, other, count)), `key word ${word}`).toBeLessThan(limit);
    }
  });

  it('refuses sides that do not fit in a word', () => {
    expect(() => uniform([1, 1, 1, 4097], key)).toThrow('4097');
  });
});

describe('dropout', () => {
  it('drops whole channels of an item, at the rate, and keeps the mean', () => {
    const x = ones([4, 2, 2, 2, 500]);
    const data = dropout(x, { rate: 0.5, granularity: 'channel', key }).dataSync();
    const voxelOf = (item: number, channel: number, voxel: number) => data[(item * 8 + voxel) * 500 + channel]!;
    const channels = Array.from({ length: 2000 }, (_, index) => {
      const values = Array.from({ length: 8 }, (_, voxel) => voxelOf(Math.floor(index / 500), index % 500, voxel));
      return new Set(values);
    });
    expect(channels.every((values) => values.size === 1 && (values.has(0) || values.has(2)))).toBe(true);
    const dropped = channels.filter((values) => values.has(0)).length;
    // 2000 draws of a fair coin: standard deviation 22.4.
    expect(Math.abs(dropped - 1000)).toBeLessThan(112);
  });

  it('drops single values at the rate', () => {
    const data = dropout(ones([2, 10, 10, 10, 10]), { rate: 0.3, granularity: 'element', key }).dataSync();
    const dropped = [...data].filter((value) => value === 0).length;
    // 20000 draws: standard deviation 64.8.
    expect(Math.abs(dropped - 6000)).toBeLessThan(324);
    expect(new Set(data)).toEqual(new Set([0, Math.fround(1 / 0.7)]));
  });

  it('repeats for a key and changes with it', () => {
    const x = ones([1, 4, 4, 4, 8]);
    const mask = (words: [number, number, number, number]): number[] => [
      ...dropout(x, { rate: 0.5, granularity: 'element', key: tensor(words) }).dataSync(),
    ];
    expect(mask([1, 2, 3, 4])).toEqual(mask([1, 2, 3, 4]));
    expect(mask([1, 2, 3, 4])).not.toEqual(mask([1, 2, 3, 5]));
  });

  it('refuses a rate of 1', () => {
    expect(() => dropout(ones([1, 1, 1, 1, 1]), { rate: 1, granularity: 'element', key })).toThrow('[0, 1)');
  });
});
