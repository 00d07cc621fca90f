import { expect, test } from 'vitest';
import { restoreLegacyUtil } from './node-shim.js';

test('adds what newer Node dropped, with the old meaning', () => {
  const util: Parameters<typeof restoreLegacyUtil>[0] & object = {};
  expect(restoreLegacyUtil(util)).toEqual(['isNullOrUndefined', 'isArray']);
  expect([null, undefined, 0, '', false, Number.NaN].map((value) => util.isNullOrUndefined?.(value))).toEqual([
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
  expect([[], {}, null].map((value) => util.isArray?.(value))).toEqual([true, false, false]);
});

test('leaves what is there', () => {
  const isNullOrUndefined = () => true;
  const util = { isNullOrUndefined, isArray: Array.isArray };
  expect(restoreLegacyUtil(util)).toEqual([]);
  expect(util.isNullOrUndefined).toBe(isNullOrUndefined);
});
