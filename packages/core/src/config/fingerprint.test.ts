import { describe, expect, it } from 'vitest';
import { hashJson } from './fingerprint.js';

describe('hashJson', () => {
  it('is the sha256 of the JSON with sorted keys', () => {
    // printf '{"a":[1,null],"b":{"c":"x"}}' | sha256sum
    const expected = '21cdd78e77419f9b20fb2afb507987b1b737c15fb66c0de4bb5e080bc51317c2';
    expect(hashJson({ b: { c: 'x' }, a: [1, null] })).toBe(expected);
    expect(hashJson({ a: [1, undefined], b: { c: 'x', d: undefined } })).toBe(expected);
  });

  it('tells different values apart', () => {
    const values = [{}, [], null, 0, '0', { a: 0 }, { a: '0' }, [[], []], [[[]]]];
    expect(new Set(values.map(hashJson)).size).toBe(values.length);
  });
});
