import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { shellWord } from './shell-word.js';

it.each(['runs/first-seed0', "it's", 'a b', '$HOME', '`id`', 'a"b', '', '\\n', 'é ü'])(
  '%j reaches a program as it is',
  (text) => {
    const command = `printf %s ${shellWord(text)}`;
    expect(execFileSync('sh', ['-c', command], { encoding: 'utf8' })).toBe(text);
  },
);

it('leaves plain paths alone', () => {
  expect(shellWord('/data/run-1.2_a')).toBe('/data/run-1.2_a');
});
