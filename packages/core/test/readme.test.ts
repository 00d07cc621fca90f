import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { HOOK_NAMES, HOOKS } from '../src/index.js';

it('the table of hooks in the README is that of the code', () => {
  const rows = HOOK_NAMES.map((name) => {
    const { name: dotted, kind, moment, gives, since, reverse } = HOOKS[name];
    return `| \`${dotted}\` | ${kind}${reverse ? ', reversed' : ''} | ${moment} | ${gives} | ${since} |`;
  });
  const head = ['| hook | kind | fires | gets → returns | since |', '|-|-|-|-|-|'];
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const written = /<!-- hooks -->\s*([\s\S]*?)\s*<!-- \/hooks -->/.exec(readme)?.[1] ?? '';
  const lines = written.split('\n').map((line) => line.replaceAll(/ +/g, ' ').replaceAll(/ ?-{2,} ?/g, '-'));
  expect(lines).toEqual([...head, ...rows]);
});
