import { expect, it } from 'vitest';
import { printable, printableLine } from './printable.js';

it('shows what steers a terminal, and leaves all other text', () => {
  // ESC starts sequences (ECMA-48), 9B is its one-byte form, 07 rings, 202E turns the direction.
  expect(printable('liver\u001b[31m\u009b2J\u0007\u007f\r\u202e')).toBe(
    String.raw`liver\u001b[31m\u009b2J\u0007\u007f\r\u202e`,
  );
  expect(printable('Nière, 左 (mm³) 😀\n\tnext')).toBe('Nière, 左 (mm³) 😀\n\tnext');
  expect(printableLine('a\nb\tc\u0000')).toBe(String.raw`a\nb\tc\u0000`);
});

it('keeps the meaning of JSON', () => {
  const value = { name: 'x\u009b\u007f\u2028\n"\\' };
  expect(JSON.parse(printable(JSON.stringify(value)))).toEqual(value);
});
