import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { cpu } from './index.js';
import { optionsSchema } from './options.js';

test('the plugin fills backend:cpu, has the version of its package and takes no options', () => {
  const instance = cpu() as unknown as Record<symbol, { definition: { name: string; version: string } }>;
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  expect(cpu().provides).toEqual(['backend:cpu']);
  expect(instance[Symbol.for('dinomix:plugin')]?.definition).toMatchObject({
    name: manifest.name,
    version: manifest.version,
  });
  expect(optionsSchema.safeParse({ threads: 2 }).success).toBe(false);
});
