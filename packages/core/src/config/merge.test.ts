import { describe, expect, it } from 'vitest';
import { createOrigins, isPlainObject, leavesOf, mergeLayer, show } from './merge.js';

describe('mergeLayer', () => {
  it('merges objects by key, replaces everything else, and remembers who set what', () => {
    const origins = createOrigins();
    const below = mergeLayer(
      {},
      { train: { epochs: 10, patch: [1, 2, 3], batch: { labelled: 2 } }, seed: 1 },
      '',
      'preset a',
      origins,
    );
    const merged = mergeLayer(
      below,
      { train: { patch: [4], batch: { unlabelled: 0 } }, seed: undefined },
      '',
      'config',
      origins,
    );
    expect(merged).toEqual({ train: { epochs: 10, patch: [4], batch: { labelled: 2, unlabelled: 0 } }, seed: 1 });
    const paths = ['train.epochs', 'train.patch', 'train.batch.labelled', 'train.batch.unlabelled', 'seed', 'name'];
    expect(paths.map((path) => origins.get(path))).toEqual([
      'preset a',
      'config',
      'preset a',
      'config',
      'preset a',
      'default',
    ]);
  });

  it('forgets the origins of what it replaces', () => {
    const origins = createOrigins();
    const below = mergeLayer({}, { a: { b: { c: 1 } } }, '', 'low', origins);
    mergeLayer(below, { a: { b: 2 } }, '', 'high', origins);
    expect([origins.get('a.b'), origins.get('a.b.c')]).toEqual(['high', 'high']);
    const scalar = mergeLayer({}, { x: 1 }, '', 'low', origins);
    mergeLayer(scalar, { x: { y: 1 } }, '', 'high', origins);
    expect([origins.get('x.y'), origins.get('x.z')]).toEqual(['high', 'default']);
  });

  it('keeps __proto__ a key like any other', () => {
    const layer = JSON.parse('{"__proto__": {"polluted": 1}}') as Record<string, unknown>;
    const merged = mergeLayer({}, layer, '', 'file', createOrigins());
    expect(Object.keys(merged)).toEqual(['__proto__']);
    expect('polluted' in {}).toBe(false);
  });
});

describe('leavesOf', () => {
  it('lists values with their paths; arrays and empty objects are values', () => {
    expect(leavesOf({ a: { b: 1, c: [1] }, d: {} })).toEqual([
      ['a.b', 1],
      ['a.c', [1]],
      ['d', {}],
    ]);
  });
});

describe('isPlainObject', () => {
  it('knows literals from instances', () => {
    expect([{}, Object.create(null), [], new Date(), null, new Map()].map(isPlainObject)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });
});

describe('show', () => {
  it('is short', () => {
    expect([show(undefined), show([1, 2]), show(Math.max), show(10n)]).toEqual([
      'nothing',
      '[1,2]',
      'a function (max)',
      '10',
    ]);
    expect(show('x'.repeat(200)).length).toBe(80);
  });
});
