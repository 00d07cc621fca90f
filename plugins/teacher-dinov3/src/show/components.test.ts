import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { cosines, meanToken, principalComponents, project } from './components.js';
import { jacobi } from './eigen.js';
import { packTokens } from './pack.js';

interface Reference {
  readonly shares: readonly number[];
  readonly vectors: readonly (readonly number[])[];
}
/** Numbers of make-components.py. */
const REFERENCE = JSON.parse(
  readFileSync(new URL('../../test/fixtures/components.json', import.meta.url), 'utf8'),
) as Readonly<Record<'centred' | 'plain' | 'some', Reference>>;
const [COUNT, CHANNELS] = [90, 14];
const TOKENS = Float32Array.from({ length: COUNT * CHANNELS }, (_, i) => {
  return (Math.sin(0.37 * i) + 0.5 * Math.sin(0.011 * i)) * (1 + (i % CHANNELS) / 3);
});

describe('principal components', () => {
  it.each([
    ['centred', { taken: null, centred: true }],
    ['plain', { taken: null, centred: false }],
    ['some', { taken: Uint8Array.from({ length: COUNT }, (_, token) => (token % 3 === 0 ? 0 : 1)), centred: true }],
  ] as const)('of %s tokens are those of NumPy', (name, options) => {
    const { shares, vectors } = principalComponents(TOKENS, CHANNELS, 3, options);
    const expected = REFERENCE[name];
    for (const index of [0, 1, 2]) {
      expect(shares[index]).toBeCloseTo(expected.shares[index]!, 8);
      for (const [channel, value] of expected.vectors[index]!.entries()) {
        expect(vectors[index]![channel]).toBeCloseTo(value, 6);
      }
    }
  });

  it('of points on a line are the line', () => {
    // (1, 2) + t (3, 4) / 5 for t = -2, 0, 2: variance 8 along (0.6, 0.8), none across.
    const tokens = Float32Array.of(1 - 1.2, 2 - 1.6, 1, 2, 1 + 1.2, 2 + 1.6);
    const components = principalComponents(tokens, 2, 2, { taken: null, centred: true });
    expect(components.shares[0]).toBeCloseTo(1, 6);
    expect([...components.vectors[0]!].map((value) => Number(value.toFixed(6)))).toEqual([0.6, 0.8]);
    const along = [...project(tokens, 2, { ...components, vectors: components.vectors.slice(0, 1) })];
    expect(along.map((value) => Number(value.toFixed(5)) + 0)).toEqual([-2, 0, 2]);
  });

  it('of tokens that are all the same are of length 1, and explain nothing', () => {
    const { shares, vectors } = principalComponents(new Float32Array(40).fill(3), 4, 3, { taken: null, centred: true });
    expect(shares).toEqual([0, 0, 0]);
    for (const vector of vectors) expect(Math.hypot(...vector)).toBeCloseTo(1, 10);
  });
});

it('Jacobi finds the eigenpairs of a matrix known by hand', () => {
  // Eigenvalues 3 and 1 along (1, 1) and (1, -1), and 7 by itself.
  const { values, vectors } = jacobi(Float64Array.of(2, 1, 0, 1, 2, 0, 0, 0, 7), 3);
  expect(values.map((value) => Number(value.toFixed(12)))).toEqual([7, 3, 1]);
  expect(Math.abs(vectors[1]![0]!)).toBeCloseTo(Math.SQRT1_2, 12);
  expect(vectors[1]![0]! / vectors[1]![1]!).toBeCloseTo(1, 12);
});

describe('cosines', () => {
  const tokens = Float32Array.of(3, 4, 4, 3, -3, -4, 0, 0);

  it('are those computed by hand', () => {
    // (3, 4) with (4, 3): 24 / 25; with its opposite -1; with nothing 0.
    expect([...cosines(tokens, 2, 0)].map((value) => Number(value.toFixed(6)))).toEqual([1, 0.96, -1, 0]);
  });

  it('after the mean is subtracted', () => {
    expect([...meanToken(tokens, 2)]).toEqual([1, 0.75]);
    // About (1, 0): (2, 4) with (3, 3): 18 / sqrt(20 * 18).
    const about = cosines(tokens, 2, 0, Float64Array.of(1, 0));
    expect(about[1]).toBeCloseTo(18 / Math.sqrt(360), 6);
  });
});

describe('packing', () => {
  it('to 8 bits leaves cosines right to a hundredth', () => {
    const packed = packTokens(TOKENS, CHANNELS, 1e6);
    expect([packed.channels, packed.kept, packed.bytes.length]).toEqual([CHANNELS, 1, TOKENS.length]);
    const back = Float32Array.from(packed.bytes, (byte, i) => byte * packed.scales[Math.floor(i / CHANNELS)]!);
    const [before, after] = [cosines(TOKENS, CHANNELS, 7), cosines(back, CHANNELS, 7)];
    const difference = Math.max(...before.map((value, token) => Math.abs(after[token]! - value)));
    expect(difference).toBeLessThan(0.01);
    // Looked for among some of the tokens.
    expect(packed.error).toBeGreaterThan(0);
    expect(packed.error).toBeLessThan(0.01);
  });

  it('into less room keeps the directions with the most', () => {
    const packed = packTokens(TOKENS, CHANNELS, COUNT * (4 + 5));
    expect(packed.channels).toBe(5);
    const share = REFERENCE.plain.shares.reduce((sum, value) => sum + value, 0);
    expect(packed.kept).toBeCloseTo(share, 3);
    // Directions that all hold about as much: leaving some out shows in the cosines.
    const even = TOKENS.map((_, i) => Math.sin(0.13 * i * i));
    const [most, few] = [CHANNELS, 4].map((kept) => packTokens(even, CHANNELS, COUNT * (4 + kept)));
    expect(few!.kept).toBeLessThan(0.6);
    expect(few!.error).toBeGreaterThan(20 * most!.error);
  });
});
