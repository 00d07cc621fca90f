import { expect, it } from 'vitest';
import { jsonDifferences } from './differences.js';

it('names the paths at which two values differ, whatever the order of keys', () => {
  const first = { a: 1, b: { c: [1, { d: null }], e: 'x' } };
  expect(jsonDifferences(first, { b: { e: 'x', c: [1, { d: null }] }, a: 1 })).toEqual([]);
  expect(jsonDifferences(first, { a: 2, b: { c: [1, { d: 0 }, 3], e: 'x' }, f: true })).toEqual([
    'a',
    'b.c.1.d',
    'b.c.2',
    'f',
  ]);
  expect(jsonDifferences(1, null)).toEqual(['']);
});
