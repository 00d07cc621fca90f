import { describe, expect, it } from 'vitest';
import { nearest, quoted } from './suggest.js';

const SLOTS = ['dataset', 'student', 'teacher', 'mixer', 'loss'];

describe('nearest', () => {
  it.each([
    ['mixr', 'mixer'],
    ['mxier', 'mixer'],
    ['Teacher', 'teacher'],
    ['studnet', 'student'],
    ['set', 'dataset'],
  ])('takes %s for %s', (word, meant) => {
    expect(nearest(word, SLOTS)).toBe(meant);
  });

  it.each(['colour', 'x', ''])('has nothing for "%s"', (word) => {
    expect(nearest(word, SLOTS)).toBeNull();
  });

  it('prefers the fewest edits and then the first', () => {
    expect(nearest('pica', ['pico', 'pic', 'pick'])).toBe('pico');
    expect(nearest('vnet', ['vnet2', 'unet'])).toBe('vnet2');
    expect(nearest('acb', ['abx', 'abc'])).toBe('abc');
  });
});

describe('quoted', () => {
  it('reads like a sentence', () => {
    expect([quoted([]), quoted(['a']), quoted(['a', 'b', 'c'])]).toEqual(['none', '"a"', '"a", "b" and "c"']);
  });
});
