import { describe, expect, it } from 'vitest';
import { addTokens, TokenMean } from './token-grid.js';

describe('addTokens', () => {
  const layout = { rows: 2, columns: 3, prefix: 2, channels: 2 };
  /** Token of row r and column c: [10 r + c, -(10 r + c)]. */
  const grid = [0, 0, 1, -1, 2, -2, 10, -10, 11, -11, 12, -12];

  it('drops the prefix and keeps patches row by row', () => {
    const layer = new Float32Array(12);
    addTokens(Float32Array.from([99, 99, 98, 98, ...grid]), false, layout, layer, 1);
    expect([...layer]).toEqual(grid);
  });

  it('brings the channels of a map last', () => {
    const layer = new Float32Array(12);
    const map = Float32Array.from([0, 1, 2, 10, 11, 12, -0, -1, -2, -10, -11, -12]);
    addTokens(map, true, { ...layout, prefix: 0 }, layer, 1);
    expect([...layer].map((value) => value + 0)).toEqual(grid);
  });

  it('averages pictures by their factors', () => {
    const layer = new Float32Array(12);
    const given = Float32Array.from([0, 0, 0, 0, ...grid]);
    addTokens(given, false, layout, layer, 0.5);
    addTokens(
      given.map((value) => 3 * value),
      false,
      layout,
      layer,
      0.5,
    );
    expect([...layer]).toEqual(grid.map((value) => 2 * value));
  });
});

describe('TokenMean', () => {
  it('is the mean of all tokens so far, and is restored exactly', () => {
    const mean = new TokenMean();
    expect(mean.state()).toBeNull();
    mean.observe(Float32Array.of(1, 10, 3, 30), 2);
    mean.observe(Float32Array.of(8, 80), 2);
    expect(mean.state()).toEqual({ mean: Float64Array.of(4, 40), count: 3 });
    const tokens = Float32Array.of(5, 50, 4, 39);
    mean.subtract(tokens);
    expect([...tokens]).toEqual([1, 10, 0, -1]);
    const other = new TokenMean();
    other.restore(Float64Array.of(4, 40), 3);
    other.observe(Float32Array.of(0, 0), 2);
    mean.observe(Float32Array.of(0, 0), 2);
    expect(other.state()).toEqual(mean.state());
  });
});
